// Light, dark, or as the system is set. The choice is for this visit only; the style sheets read it from the root element.

/** Wires the radio buttons named `theme` inside `chooser`. */
export function wireTheme(chooser) {
  chooser.addEventListener('change', ({ target }) => {
    if (target.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = target.value;
  });
}
