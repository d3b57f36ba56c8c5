// What each error code means to the person at the page: a title, a remedy for when the server gives no hint, whether the
// same attempt may succeed later (`transient`), and whether it will by itself (`passing`). docs/server.md lists the codes.

const MESSAGES = {
  TRUNCATED_IMAGE: { title: 'The picture is cut off', remedy: 'Copy or export the picture again and add the new file.' },
  CORRUPT_IMAGE: { title: 'The picture is damaged', remedy: 'Export the picture again from its source.' },
  EMPTY_INPUT: { title: 'The file is empty', remedy: 'Check that it was saved completely, then add it again.' },
  UNSUPPORTED_FORMAT: { title: 'Not a JPEG or PNG', remedy: 'Save the picture as JPEG or PNG and add that file.' },
  UNSUPPORTED: { title: 'This kind of picture is not supported', remedy: 'Save it as an ordinary JPEG or PNG.' },
  LIMIT_EXCEEDED: { title: 'The picture is too large', remedy: 'Add a smaller picture, or one with fewer pixels.' },
  FILE_UNREADABLE: { title: 'The file cannot be read', remedy: 'It may have been moved or changed. Add it again.' },
  OUT_OF_MEMORY: { title: 'The server ran out of memory', remedy: 'Try again in a moment.', transient: true },
  OVERLOADED: { title: 'The server is busy', remedy: 'Try again in a moment.', transient: true, passing: true },
  TOO_MANY_UPLOADS: { title: 'Too many uploads at once', remedy: 'Try again in a moment.', transient: true, passing: true },
  UPLOAD_TOO_SLOW: { title: 'The upload was too slow', remedy: 'Check the connection, then try again.', transient: true },
  NOT_READY: { title: 'The model is still loading', remedy: 'Try again in a moment.', transient: true, passing: true },
  DEADLINE_EXCEEDED: { title: 'The analysis took too long', remedy: 'Try again when the server is less busy.', transient: true },
  CANCELLED: { title: 'Cancelled', remedy: 'Start it again when you need it.', transient: true },
  SHUT_DOWN: { title: 'The server is shutting down', remedy: 'Try again when it has been started again.', transient: true },
  SERVER_UNREACHABLE: {
    title: 'The server does not answer',
    remedy: 'Check that it runs and that you are connected, then try again.',
    transient: true,
  },
  JOB_LOST: { title: 'The server no longer knows this analysis', remedy: 'It was started again. Try again.', transient: true },
  BACKEND_UNAVAILABLE: {
    title: 'The server cannot run the model',
    remedy: 'Tell whoever runs the server: its log says what is missing.',
    transient: true,
  },
  BACKEND_FAILED: { title: 'The model failed', remedy: 'Try again; if it fails again, tell whoever runs the server.', transient: true },
  BUNDLE_INVALID: { title: 'The model cannot be used', remedy: 'Tell whoever runs the server.' },
  HASH_MISMATCH: { title: 'The model was changed', remedy: 'Tell whoever runs the server.' },
  SELF_TEST_FAILED: { title: 'The model failed its own test', remedy: 'Tell whoever runs the server.' },
  NOT_FOUND: { title: 'Not found', remedy: 'Load this page again.', transient: true },
  UNAUTHORIZED: { title: 'A token is needed', remedy: 'Enter the token that the server\u2019s keeper gave you.', transient: true },
  HOST_NOT_ALLOWED: { title: 'The server refuses this address', remedy: 'Open the page by the name that the server\u2019s keeper gave you.' },
  CROSS_ORIGIN: { title: 'The server refuses this page', remedy: 'Open the page from the server itself.' },
  INTERNAL: {
    title: 'The server failed',
    remedy: 'Try again; if it fails again, give the request number to whoever runs the server.',
    transient: true,
  },
};

/** {title, remedy, transient, passing} for a code; one that is not known is still explained. */
export function explain(code) {
  return { transient: false, ...(MESSAGES[code] ?? { title: 'The analysis failed', remedy: 'Try again, or add another picture.', transient: true }) };
}

/** What to do about an error, in the server's words where it has some. */
export function remedyOf(error) {
  return error.hint ? sentence(error.hint) : explain(error.code).remedy;
}

/** A sentence as people write it: with a capital and a full stop. */
export function sentence(text) {
  const trimmed = text.trim();
  if (!trimmed) return '';
  const capital = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
