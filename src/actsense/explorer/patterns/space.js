// Points in space on a canvas: drag to turn, hover to see the image. Needs nothing from elsewhere.
const MARKS = [
  (c, r) => c.arc(0, 0, r, 0, 7),
  (c, r) => c.rect(-r * 0.85, -r * 0.85, 1.7 * r, 1.7 * r),
  (c, r) => path(c, [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]], r),
  (c, r) => path(c, [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]], r),
  (c, r) => path(c, [[0, 1.2], [1.1, -0.8], [-1.1, -0.8]], r),
  (c, r) => { c.rect(-r * 0.35, -r, r * 0.7, 2 * r); c.rect(-r, -r * 0.35, 2 * r, r * 0.7); },
  (c, r) => path(c, [[-1, -0.5], [-0.5, -1], [0, -0.5], [0.5, -1], [1, -0.5], [0.5, 0], [1, 0.5],
    [0.5, 1], [0, 0.5], [-0.5, 1], [-1, 0.5], [-0.5, 0]], r),
  (c, r) => path(c, [...Array(10).keys()].map((k) => {
    const far = k % 2 ? 0.5 : 1.3, turn = (k * Math.PI) / 5 - Math.PI / 2;
    return [far * Math.cos(turn), far * Math.sin(turn)];
  }), r),
];
const NEAR = 14, MOVING = 350, SHOWN = 112; // pixels, milliseconds, pixels
const spaces = new WeakMap();

function path(c, corners, r) {
  corners.forEach(([x, y], k) => (k ? c.lineTo(x * r, y * r) : c.moveTo(x * r, y * r)));
  c.closePath();
}

function times(a, b) { // of 3 x 3 matrices, row by row
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) =>
    a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j]));
}

function turned(view, right, down) {
  const [s, c, u, v] = [Math.sin(right), Math.cos(right), Math.sin(down), Math.cos(down)];
  return times([[1, 0, 0], [0, v, u], [0, -u, v]], times([[c, 0, s], [0, 1, 0], [-s, 0, c]], view));
}

class Space {
  constructor(root) {
    [this.canvas, this.tip, this.picture, this.words, this.mark] = ["canvas", ".tip", ".picture",
      ".words", ".mark"].map((name) => root.querySelector(name));
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (e) => { this.drag = [e.clientX, e.clientY];
      canvas.setPointerCapture(e.pointerId); this.hide(); });
    canvas.addEventListener("pointerup", (e) => { this.drag = null;
      if (e.pointerType === "touch") this.move(e); }); // a tap shows what the mouse would
    canvas.addEventListener("pointercancel", () => { this.drag = null; }); // the page scrolls
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerleave", (e) => { if (e.pointerType !== "touch") this.hide(); });
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("keydown", (e) => this.key(e));
    root.querySelector("button").addEventListener("click", () => this.reset());
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  update(data) {
    const before = this.data;
    const same = before && before.about === data.about;
    this.from = same ? this.places() : data.points;
    this.started = same ? performance.now() : -Infinity;
    this.data = data;
    if (!same) this.view = data.view;
    if (this.picture.dataset.about !== data.about) {
      this.picture.style.backgroundImage = `url(${data.atlas})`;
      this.picture.dataset.about = data.about;
    }
    this.hide();
    this.resize();
  }

  places() { // where points are now, on their way from the last state to this one
    const share = Math.min(1, (performance.now() - this.started) / MOVING);
    if (share >= 1) return this.data.points;
    return this.data.points.map((to, k) => to.map((x, i) =>
      (1 - share) * this.from[k][i] + share * x));
  }

  reset() { this.view = this.data.view; this.draw(); }

  resize() {
    const wide = this.canvas.parentElement.clientWidth;
    if (!wide || !this.data) return;
    const high = Math.min(wide, 560), sharp = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: wide * sharp, height: high * sharp });
    this.canvas.style.height = `${high}px`;
    Object.assign(this, { wide, high, sharp });
    this.draw();
  }

  seen([x, y, z]) {
    const scale = (0.46 * Math.min(this.wide, this.high)) / this.data.reach, v = this.view;
    return [this.wide / 2 + scale * (v[0][0] * x + v[0][1] * y + v[0][2] * z),
      this.high / 2 - scale * (v[1][0] * x + v[1][1] * y + v[1][2] * z),
      (v[2][0] * x + v[2][1] * y + v[2][2] * z) / this.data.reach];
  }

  draw() {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const { data, sharp } = this, c = this.canvas.getContext("2d");
    const ink = getComputedStyle(this.canvas).color;
    c.setTransform(sharp, 0, 0, sharp, 0, 0);
    c.clearRect(0, 0, this.wide, this.high);
    this.circles(c, ink);
    this.spots = this.places().map((point) => this.seen(point));
    const things = this.spots.map((spot, k) => [spot[2], () => this.point(c, spot, data.colors[k])]);
    data.directions.forEach((way, k) => {
      const end = this.seen(way.map((x) => x * 0.9 * data.reach));
      things.push([end[2] / 2, () => this.arrow(c, end, k, ink)]);
    });
    things.sort((a, b) => a[0] - b[0]).forEach(([, show]) => show());
    this.canvas.dataset.painted = (Number(this.canvas.dataset.painted) || 0) + 1;
    if (performance.now() - this.started < MOVING) this.draw();
  }

  circles(c, ink) {
    Object.assign(c, { strokeStyle: ink, globalAlpha: 0.15, lineWidth: 1 });
    const scale = (0.46 * Math.min(this.wide, this.high)) / this.data.reach;
    for (let r = this.data.step; r <= this.data.reach; r += this.data.step) {
      c.beginPath(); c.arc(this.wide / 2, this.high / 2, r * scale, 0, 7); c.stroke();
    }
    c.globalAlpha = 1;
  }

  shape(c, x, y, r, kind) {
    const style = this.data.styles[kind];
    c.fillStyle = style.color;
    c.translate(x, y);
    c.beginPath(); MARKS[style.mark](c, r); c.fill();
    c.translate(-x, -y);
  }

  point(c, [x, y, depth], kind) {
    c.globalAlpha = 0.72 + 0.25 * depth; // what is near is a little darker and larger
    this.shape(c, x, y, this.data.size * (1 + 0.25 * depth), kind);
    c.globalAlpha = 1;
  }

  arrow(c, [x, y], kind, ink) {
    const style = this.data.styles[kind];
    Object.assign(c, { strokeStyle: style.color, lineWidth: 2 });
    c.beginPath(); c.moveTo(this.wide / 2, this.high / 2); c.lineTo(x, y); c.stroke();
    this.shape(c, x, y, 6, kind);
    Object.assign(c, { font: "12px sans-serif", textAlign: "left", textBaseline: "middle",
      fillStyle: ink, strokeStyle: this.paper(), lineWidth: 3 });
    const room = c.measureText(style.name).width, left = x < this.wide / 2;
    const wanted = left ? x - 10 - room : x + 10;
    const start = Math.max(4, Math.min(wanted, this.wide - room - 4));
    const lower = start === wanted ? y : y + (y < this.high / 2 ? -14 : 14); // beside, or beyond
    c.strokeText(style.name, start, lower);
    c.fillText(style.name, start, lower);
  }

  paper() {
    return getComputedStyle(this.canvas).getPropertyValue("--st-background-color") || "white";
  }

  move(e) {
    if (this.drag) {
      const [x, y] = this.drag;
      this.drag = [e.clientX, e.clientY];
      this.view = turned(this.view, (e.clientX - x) / 140, (e.clientY - y) / 140);
      return this.draw();
    }
    const box = this.canvas.getBoundingClientRect();
    return this.hover(e.clientX - box.left, e.clientY - box.top);
  }

  hover(x, y) {
    let found = -1, least = Infinity;
    (this.spots || []).forEach(([a, b, depth], k) => {
      const far = Math.hypot(a - x, b - y);
      if (far < NEAR && far - 3 * depth < least) { found = k; least = far - 3 * depth; }
    });
    if (found < 0) return this.hide();
    const { data } = this, n = data.images[found], [across, down] = [n % data.columns,
      Math.floor(n / data.columns)];
    Object.assign(this.picture.style, {
      backgroundSize: `${data.columns * SHOWN}px auto`,
      backgroundPosition: `-${across * SHOWN}px -${down * SHOWN}px`,
    });
    const cell = data.cells ? data.cells[found] : null;
    this.mark.hidden = cell === null;
    if (cell !== null) {
      const [rows, columns] = data.grid;
      Object.assign(this.mark.style, { left: `${((cell % columns) * SHOWN) / columns}px`,
        top: `${(Math.floor(cell / columns) * SHOWN) / rows}px`, width: `${SHOWN / columns}px`,
        height: `${SHOWN / rows}px` });
    }
    this.words.textContent = data.words[found];
    this.tip.hidden = false;
    const [a, b] = this.spots[found], high = this.tip.offsetHeight, wide = this.tip.offsetWidth;
    this.tip.style.left = `${a + 14 + wide > this.wide ? a - 14 - wide : a + 14}px`;
    this.tip.style.top = `${Math.max(0, Math.min(b - high / 2, this.high - high))}px`;
  }

  hide() { this.tip.hidden = true; }

  key(e) {
    const turns = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15],
      ArrowDown: [0, 0.15] };
    if (!(e.key in turns)) return;
    e.preventDefault();
    this.view = turned(this.view, ...turns[e.key]);
    this.draw();
  }
}

export default function show({ data, parentElement }) {
  if (!spaces.has(parentElement)) spaces.set(parentElement, new Space(parentElement));
  spaces.get(parentElement).update(data);
}
