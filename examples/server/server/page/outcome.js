// A result in one sentence, the same on card, in history and to a screen reader. It repeats what the result says and
// concludes nothing of its own: "no finding" is never turned into "normal".

import { counted, percent } from './format.js';

const IN_HEADLINE = 3; // more findings than this are counted in the headline and named below it

/** {lead, detail}: the headline of a result and the sentence below it. */
export function outcomeOf(result) {
  if (result.summary.skin) return skin(result.summary.skin, result.findings);
  if (result.summary.radiology) return radiology(result.summary.radiology, result.findings);
  const top = result.findings.find((finding) => finding.available);
  return top ? { lead: `${capital(top.label)} ${percent(top.probability)}`, detail: '' } : { lead: 'No finding is available', detail: '' };
}

/** The same as one line of text. */
export function outcomeLine(result) {
  const { lead, detail } = outcomeOf(result);
  return detail ? `${lead}. ${detail}` : lead;
}

export function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}

/** What a finding's decision is called: positive or negative at an operating point, top class among classes. */
export function decisionOf(finding) {
  if (!finding.available) return { word: 'Not available', kind: 'unavailable' };
  const atPoint = finding.operating_point !== null;
  if (finding.decision) return { word: atPoint ? 'Positive' : 'Top class', kind: 'positive' };
  return { word: atPoint ? 'Negative' : 'Other class', kind: 'negative' };
}

function skin(summary, findings) {
  const multiclass = findings.every((finding) => finding.operating_point === null);
  const lead = `${capital(summary.top_label)} ${percent(summary.top_probability)}`;
  const parts = multiclass ? [`Most probable of ${counted(findings.length, 'class', 'classes')}`] : [];
  if (summary.malignant_probability !== null) parts.push(`malignant classes together ${percent(summary.malignant_probability)}`);
  return { lead, detail: capital(parts.join('; ')) + (parts.length ? '.' : '') };
}

function radiology(summary, findings) {
  const positive = summary.positive_codes.map((code) => capital(findings.find((finding) => finding.code === code)?.label ?? code));
  const judged = findings.length - summary.unavailable;
  const missing = summary.unavailable > 0 ? ` ${counted(summary.unavailable, 'finding')} not available.` : '';
  if (positive.length === 0) {
    return { lead: 'No finding reaches its operating point', detail: `0 of ${counted(judged, 'finding')} at or over their operating points.${missing}` };
  }
  const point = positive.length === 1 ? 'its operating point' : 'their operating points';
  if (positive.length <= IN_HEADLINE) {
    return { lead: positive.join(', '), detail: `${positive.length} of ${counted(judged, 'finding')} at or over ${point}.${missing}` };
  }
  return { lead: `${positive.length} of ${judged} findings at or over ${point}`, detail: `${positive.join(', ')}.${missing}` };
}
