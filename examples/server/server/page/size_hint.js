// The sentence that says what a smaller copy of a large picture would save, and what it would cost.

import { element } from './dom.js';
import { bytes, dimensions } from './format.js';

/** `reduction` as measured by reduced_copy.js. */
export function reductionText(reduction) {
  const copy = `${dimensions(reduction.width, reduction.height)} copy would be ${bytes(reduction.bytes)}`;
  const saving = `${Math.round(reduction.saving * 100)}\u202f% less to send`;
  return element('p', { text: `Large file: a ${copy}, ${saving}. A copy has other pixels, so its findings can differ.` });
}
