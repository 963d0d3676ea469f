// Browsers start no workers for pages that come from a disk, and the search of the site is one. There
// it runs in a hidden frame, which has a global scope of its own as well.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(address) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.documentElement.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.postMessage = (sent) => {
        const data = structuredClone(sent); // as between threads, neither side changes what the other has
        setTimeout(() => this.onmessage?.({ data }));
      };
      const script = inside.document.createElement("script");
      script.src = address;
      this.started = new Promise((started) => (script.onload = started));
      inside.document.documentElement.append(script);
    }

    postMessage(sent) {
      const data = structuredClone(sent);
      this.started.then(() => setTimeout(() => this.frame.contentWindow?.onmessage({ data })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
