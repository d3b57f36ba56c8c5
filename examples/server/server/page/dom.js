// Makes elements. Every text becomes a text node and nothing is parsed as HTML; it is not for styling beyond custom
// properties, since the page's policy forbids inline style.

/** An element with attributes (`text` its text, `on` its listeners; null, undefined and false leave one out) and children. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'text') node.textContent = value;
    else if (name === 'on') listen(node, value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...present(children));
  return node;
}

/** The children that are there: lists with holes read better than a chain of conditions. */
export function present(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replaces what a node holds. */
export function fill(node, ...children) {
  node.replaceChildren(...present(children));
  return node;
}

/** Sets a custom property that the style sheets read, e.g. the length of a bar. */
export function setVariable(node, name, value) {
  node.style.setProperty(`--${name}`, value);
  return node;
}

/** Text only: touches the node when it changed, so that nothing is announced twice. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Text for screen readers alone. */
export function hiddenText(text) {
  return element('span', { class: 'visually-hidden', text });
}

let last = 0;
/** An id that nothing else on the page has. */
export function freshId(what) {
  last += 1;
  return `${what}-${last}`;
}

function listen(node, listeners) {
  for (const [event, listener] of Object.entries(listeners)) node.addEventListener(event, listener);
}
