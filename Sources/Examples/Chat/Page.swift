/// The page: it shows text as text, so that a message cannot be markup. It asks by long polling where there is no WebSocket.
let page = """
    <!DOCTYPE html>
    <html lang="en">
    <meta name="viewport" content="width=device-width">
    <title>Chat</title>
    <style>
    body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
    nav a { margin-right: 1rem; } nav a[aria-current] { font-weight: bold; color: inherit; text-decoration: none; }
    #messages { list-style: none; padding: 0; min-height: 12rem; }
    #messages li { padding: .3rem .6rem; margin: .3rem 0; background: #f2f4f7; border-radius: .4rem; overflow-wrap: anywhere; }
    form { display: flex; gap: .5rem; } input { flex: 1; font: inherit; padding: .3rem .5rem; } button { font: inherit; }
    #state { color: #777; font-size: .85rem; }
    </style>
    <nav><a href="?room=lobby">lobby</a><a href="?room=kitchen">kitchen</a></nav>
    <ul id="messages" aria-live="polite"></ul>
    <form id="form"><input id="body" autocomplete="off" autofocus maxlength="1000" aria-label="Message"><button>Send</button></form>
    <p id="state">connecting</p>
    <script>
    const room = new URLSearchParams(location.search).get("room") || "lobby";
    for (const link of document.querySelectorAll("nav a"))
      if (link.textContent === room) link.setAttribute("aria-current", "page");
    const list = document.getElementById("messages"), body = document.getElementById("body");
    const state = (text) => { document.getElementById("state").textContent = text; };
    const pause = () => new Promise((done) => setTimeout(done, 1000));
    let socket = null;

    // Messages may come twice, and those of two threads of the server in another order than their ids have.
    const show = (message) => {
      const later = [...list.children].findLast((item) => item.value <= message.id);
      if (later?.value === message.id) return;
      const item = document.createElement("li");
      item.value = message.id;
      item.textContent = message.body;
      if (later) later.after(item); else list.prepend(item);
      item.scrollIntoView({ block: "nearest" });
    };
    const last = () => list.lastElementChild?.value ?? 0;
    const ask = (path, fields) =>
      fetch("/a/message/" + path, { method: "POST", body: new URLSearchParams({ room, ...fields }) });

    document.getElementById("form").onsubmit = async (event) => {
      event.preventDefault();
      if (!body.value) return;
      if (socket && socket.readyState === WebSocket.OPEN) socket.send(body.value);
      else if (!(await ask("new", { body: body.value })).ok) return;
      body.value = "";
    };

    // Whether the connection was ever open.
    const overSocket = () => new Promise((done) => {
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      // One that came before it may have been under way when the last connection ended.
      const query = new URLSearchParams({ room, cursor: Math.max(last() - 50, 0) });
      let wasOpen = false;
      socket = new WebSocket(`${scheme}//${location.host}/ws?${query}`);
      socket.onopen = () => { wasOpen = true; state("connected by WebSocket"); };
      socket.onmessage = (event) => show(JSON.parse(event.data));
      socket.onclose = () => { socket = null; done(wasOpen); };
    });
    const byPolling = async () => {
      state("connected by long polling");
      const response = await ask("updates", { cursor: last() });
      if (!response.ok) throw response.status;
      for (const message of (await response.json()).messages) show(message);
    };

    (async () => {
      // Two failures in a row: something on the way does not let WebSockets pass.
      for (let failures = 0;;) {
        try {
          if (window.WebSocket && failures < 2) {
            failures = (await overSocket()) ? 0 : failures + 1;
            state("connecting");
            await pause();
          } else {
            await byPolling();
          }
        } catch {
          state("connecting");
          await pause();
        }
      }
    })();
    </script>
    </html>
    """
