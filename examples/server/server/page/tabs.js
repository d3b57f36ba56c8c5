// The tabs pattern of the ARIA Authoring Practices: one tab stop, arrow keys, Home and End; a tab opens when it is reached.

/** Wires the tabs inside `list`. `onOpen(tab)` hears which one opened. */
export function wireTabs(list, onOpen) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const open = (tab, { focus = false } = {}) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute('aria-selected', String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute('aria-controls')).hidden = !chosen;
    }
    if (focus) tab.focus();
    onOpen(tab);
  };
  for (const tab of tabs) tab.addEventListener('click', () => open(tab));
  list.addEventListener('keydown', (event) => {
    const next = targetOf(event.key, tabs.indexOf(document.activeElement), tabs.length);
    if (next === null) return;
    event.preventDefault();
    open(tabs[next], { focus: true });
  });
  return (id) => open(document.getElementById(id));
}

function targetOf(key, at, count) {
  if (at < 0) return null;
  return { ArrowRight: (at + 1) % count, ArrowLeft: (at + count - 1) % count, Home: 0, End: count - 1 }[key] ?? null;
}
