// What changes without a reload: the hub tells an open page that something came in, and the page fetches its own main part
// again, one fetch at a time. Where the hub cannot be listened to it is asked once a second. Without this script each page is
// complete and the reader reloads it.
(function () {
  "use strict";
  var main = document.getElementById("main");
  var said = document.getElementById("news");
  var pause = document.getElementById("pause");
  var seen = main && main.dataset.changes;
  var latest = null; // what the hub said last
  var fetching = false;
  var stopped = false; // by the reader
  var ended = false; // there is no session any more
  var asking = 0; // the timer where nobody tells
  var source = null; // the stream, where there is one
  var errors = 0; // of the stream, since it last was open

  if (!main || !said || seen === undefined) { return; }
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", function () {
      stopped = !stopped;
      pause.setAttribute("aria-pressed", String(stopped));
      look();
    });
  }

  // Whoever is in a field, or has something inside main in focus, is not disturbed: the place stays theirs.
  function place() {
    var at = document.activeElement;
    return at && main.contains(at) ? at.getAttribute("data-key") || at.id || "?" : "";
  }

  // False where the reader is in the middle of something.
  function put(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
    var key = place();
    if (!fresh || key === "?") { return false; }
    seen = fresh.dataset.changes;
    main.replaceChildren.apply(main, Array.from(fresh.childNodes));
    main.dataset.changes = seen;
    if (key) {
      var again = document.getElementById(key) || main.querySelector('[data-key="' + CSS.escape(key) + '"]');
      if (again) { again.focus({ preventScroll: true }); }
    }
    return true;
  }

  function say(text) { if (said.textContent !== text) { said.textContent = text; } }

  function get(path) { return fetch(path, { credentials: "same-origin", cache: "no-store" }); }

  function trouble() { say("The hub does not answer; trying again."); }

  // Is what the hub said last shown?
  function look() {
    if (stopped || document.hidden || fetching || !latest) { return; }
    var count = latest.changes - Number(seen);
    if (count === 0) { say(latest.online ? "Up to date." : "The broker is away; this is the last that came."); return; }
    fetching = true;
    get(location.href).then(function (answer) {
      return answer.ok ? answer.text() : null;
    }).then(function (text) {
      fetching = false;
      if (text && put(text)) {
        say(count > 0 ? count + " new entries, " + new Date().toLocaleTimeString("en-GB") : "Up to date.");
        if (latest.changes > Number(seen)) { look(); }
      }
    }).catch(function () { fetching = false; trouble(); });
  }

  function hear(news) { latest = news; look(); }

  function ask() {
    if (stopped || document.hidden) { return; }
    get("/news").then(function (answer) {
      if (answer.status === 401) { say("Your session has ended. Ask for a new link."); ended = true; askMeanwhile(false); return; }
      return answer.json().then(hear);
    }).catch(trouble);
  }

  function askMeanwhile(yes) {
    if (yes && !asking) { asking = window.setInterval(ask, 1000); ask(); }
    if (!yes && asking) { window.clearInterval(asking); asking = 0; }
  }

  // The hub ends a stream every minute, to look at the session again: the browser opens the next one by itself. A page that nobody
  // sees holds none: a browser opens six connections to one place, and the seventh page would wait for ever.
  function listen() {
    if (ended || source || document.hidden) { return; }
    if (!window.EventSource) { askMeanwhile(true); return; }
    source = new EventSource("/events");
    source.onopen = function () { errors = 0; askMeanwhile(false); };
    source.onmessage = function (event) { hear(JSON.parse(event.data)); };
    source.onerror = function () {
      if (source.readyState === EventSource.CLOSED) { // refused: no session, or too many listen
        source = null;
        askMeanwhile(true);
        window.setTimeout(listen, 30000);
      } else if (++errors > 1) {
        trouble();
      }
    };
  }

  main.addEventListener("focusout", function () { window.setTimeout(look, 0); });
  document.addEventListener("visibilitychange", function () {
    if (document.hidden && source) { source.close(); source = null; }
    listen();
  });
  listen();
})();
