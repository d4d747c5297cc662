// Sends page views, clicks on [data-event] and submitted forms to the collector.
//   <script src="clicks.js" data-collector="https://collector.example.com/event/clickstream?key=..."></script>
// An event stays in the browser's storage until the collector has acknowledged it, and carries an id, so sending it again makes no second event.
(() => {
  const collector = document.currentScript.dataset.collector;
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const visitor = localStorage.clicksVisitor ||= random();
  const waiting = () => JSON.parse(localStorage.clicksWaiting || "[]");
  const keep = (events) => { localStorage.clicksWaiting = JSON.stringify(events.slice(-500)); };
  let sending = false;

  async function send() {
    const events = waiting().slice(0, 100);
    if (sending || !events.length) return;
    sending = true;
    try {
      const answer = await fetch(collector, { method: "POST", body: JSON.stringify(events), keepalive: true }); // text/plain: no preflight
      if (answer.ok || answer.status === 422) { // 422: the broken ones would be broken again
        const told = new Set(events.map((event) => event.event_id));
        keep(waiting().filter((event) => !told.has(event.event_id)));
      }
    } catch { /* away; the next event tries again */ }
    sending = false;
  }

  function record(event_name) {
    keep([...waiting(), { event_id: random(), username: visitor, page: location.pathname, event_name, event_time: Math.floor(Date.now() / 1000) }]);
    send();
  }

  addEventListener("click", (event) => { const at = event.target.closest("[data-event]"); if (at) record(at.dataset.event); });
  addEventListener("submit", () => record("submit"));
  addEventListener("pagehide", () => { if (waiting().length) navigator.sendBeacon(collector, JSON.stringify(waiting())); });
  setInterval(send, 5000);
  record("page_view");
})();
