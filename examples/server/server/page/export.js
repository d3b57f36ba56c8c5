// Results as files: JSON exactly as the server gave them, and CSV with one line a finding that is safe to open in a
// spreadsheet.

const NOTICE = 'Research use only, not a medical device.';

const COLUMNS = [
  ['file', ({ item }) => item.name],
  ['reduced_copy_of', ({ item }) => item.reducedFrom],
  ['domain', ({ result }) => result.model.domain],
  ['code', ({ finding }) => finding.code],
  ['label', ({ finding }) => finding.label],
  ['snomed', ({ finding }) => finding.snomed],
  ['available', ({ finding }) => finding.available],
  ['probability', ({ finding }) => finding.probability],
  ['operating_point', ({ finding }) => finding.operating_point],
  ['decision', ({ finding }) => finding.decision],
  ['logit', ({ finding }) => finding.logit],
  ['simulated', ({ result }) => result.execution.simulated],
  ['model', ({ result }) => result.model.name],
  ['model_version', ({ result }) => result.model.version],
  ['model_sha256', ({ result }) => result.model.sha256],
  ['backend', ({ result }) => result.execution.backend],
  ['backend_version', ({ result }) => result.execution.backend_version],
  ['device', ({ result }) => result.execution.device],
  ['precision', ({ result }) => result.execution.precision],
  ['input_sha256', ({ result }) => result.input.sha256],
  ['input_width', ({ result }) => result.input.width],
  ['input_height', ({ result }) => result.input.height],
  ['total_ms', ({ result }) => result.timing_ms.total],
  ['warnings', ({ result }) => result.warnings.map((warning) => warning.code).join(' ')],
  ['notice', () => NOTICE],
];

/** The text of a JSON file with the results of `items`. */
export function asJson(items) {
  const results = items.map((item) => ({
    file: item.name,
    reduced_copy_of: item.reducedFrom,
    analysed: item.ended.toISOString(),
    result: item.result,
  }));
  const simulated = items.some((item) => item.result.execution.simulated);
  return `${JSON.stringify({ exported: new Date().toISOString(), notice: NOTICE, simulated, results }, null, 2)}\n`;
}

/** The text of a CSV file: RFC 4180, with the mark by which spreadsheets know UTF-8. */
export function asCsv(items) {
  const lines = [COLUMNS.map(([name]) => name)];
  for (const item of items) {
    const { result } = item;
    for (const finding of result.findings) lines.push(COLUMNS.map(([, value]) => cell(value({ item, result, finding }))));
  }
  return `\ufeff${lines.map((line) => line.join(',')).join('\r\n')}\r\n`;
}

/** Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers keep their sign. */
function cell(value) {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const harmless = /^[\s]*[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Hands `text` to the browser as a download. */
export function download(text, name, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads the address after the click returns.
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

export function exportJson(items, name) {
  download(asJson(items), `${fileName(name)}.json`, 'application/json');
}

export function exportCsv(items, name) {
  download(asCsv(items), `${fileName(name)}.csv`, 'text/csv');
}

function fileName(name) {
  const stem = name.replace(/\.[^.]*$/, '').replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 80);
  const day = new Date().toISOString().slice(0, 10);
  return `mediscan-${stem || 'result'}-${day}`;
}
