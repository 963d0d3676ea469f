// A click on an element with data-choice, or on a map, tells the page what was chosen.
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".clicks");
  if (root.shown !== data.html) {
    root.innerHTML = data.html; // names in it were escaped when it was written
    root.shown = data.html;
  }
  root.onclick = (event) => {
    const map = event.target.closest("[data-axes]");
    if (map) return setTriggerValue("chosen", { wishes: place(map, event) });
    const element = event.target.closest("[data-choice]");
    if (element) setTriggerValue("chosen", JSON.parse(element.dataset.choice));
  };
}

function place(map, event) {
  const box = map.getBoundingClientRect(), { rows, cols } = map.dataset;
  const among = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
  const found = [among((event.clientY - box.top) / box.height, Number(rows)),
    among((event.clientX - box.left) / box.width, Number(cols))];
  const axes = JSON.parse(map.dataset.axes);
  return Object.fromEntries(axes.map((axis, k) => [axis, found[k + 2 - axes.length]]));
}
