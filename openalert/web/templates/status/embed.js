// A note that floats on your page while something is wrong or maintenance is near. It sets no cookie and stores nothing.
// <script src="https://status.example.com/embed.js" defer></script>, with data-position, data-hours, data-background and
// data-color where they shall be others.
(() => {
  const own = document.currentScript, base = own.src.replace(/\/embed\.js.*/, ''), set = own.dataset;
  const [side, edge] = (set.position || 'bottom-right').split('-');
  const tones = { major_outage: '#c0152a', partial_outage: '#ad4500', under_maintenance: '#0e62ad' };
  let box, closed;
  const put = (name, text, css) => {
    const made = document.createElement(name);
    made.textContent = text;
    made.style.cssText = css;
    return made;
  };
  const draw = (told, facts) => {
    if (box) box.remove();
    box = null;
    if (!told || closed == told.url) return;
    box = put('aside', '', 'all:initial;position:fixed;z-index:2147483000;max-width:min(360px,calc(100vw - 72px));padding:14px 40px 14px 16px;' +
      `border-radius:12px;font:15px/1.4 system-ui,sans-serif;overflow-wrap:anywhere;box-shadow:0 6px 24px #0004;${side}:16px;${edge}:16px`);
    box.style.background = set.background || tones[told.tone] || '#7d5a00';
    box.style.color = set.color || '#fff';
    box.setAttribute('role', 'status');
    box.lang = facts.language;
    const link = put('a', facts.link, 'color:inherit;text-decoration:underline');
    link.href = told.url;
    const close = put('button', '\u00d7', 'all:unset;position:absolute;top:6px;right:8px;width:28px;font-size:20px;text-align:center;cursor:pointer');
    close.setAttribute('aria-label', facts.close);
    close.onclick = () => draw(null, closed = told.url);
    box.append(put('div', told.title, 'font-weight:600'), link, close);
    document.body.append(box);
  };
  const look = () => document.hidden || fetch(base + '/embed.json').then(answer => answer.json()).then(facts => {
    const near = Date.now() + (set.hours || 24) * 36e5;
    draw(facts.notices.find(each => Date.parse(each.beginsAt) <= near), facts);
  }).catch(() => {});
  look();
  setInterval(look, 6e4);
})();
