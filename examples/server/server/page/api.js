// The one place that talks to the server by fetch: adds the token, turns every failure into an ApiError, and asks for a
// token where the server wants one. Uploads, which need progress, are in upload.js.

export const DOMAINS = {
  skin: { path: 'skin-analysis', title: 'Skin lesion', picture: 'skin lesion photograph' },
  radiology: { path: 'radiology', title: 'Chest radiograph', picture: 'chest radiograph' },
};

/** A failure with the server's code, stage, message and hint; status 0 when there was no answer. */
export class ApiError extends Error {
  constructor({ code, stage = '', message, hint = '', request_id: requestId = '' }, status = 0, retryAfter = null) {
    super(message);
    Object.assign(this, { code, stage, hint, requestId, status, retryAfter });
  }
}

// The token lives here and nowhere else: not in storage, not in an address.
let token = null;
let asking = null;
let declined = false;
let ask = async () => null;

/** `asker(wrong)` resolves to a token, or to null when the person declines; `wrong` says that the last one was refused. */
export function setTokenAsker(asker) {
  ask = asker;
}

export function authorization() {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** Asks for a token, once for all requests that wait for one. True when there is a new one. */
export async function obtainToken({ byPerson = false } = {}) {
  if (declined && !byPerson) return false;
  asking ??= ask(token !== null).finally(() => {
    asking = null;
  });
  const answer = await asking;
  declined = answer === null;
  if (!declined) token = answer;
  return !declined;
}

/** The answer's JSON. `byPerson`: somebody is waiting for it, so a declined token may be asked for again. */
export async function request(path, { method = 'GET', signal, byPerson = false } = {}) {
  const response = await send(path, { method, signal, byPerson });
  return response.json();
}

/** The answer itself, for streams; throws an ApiError unless it is a good one. */
export async function send(path, { method = 'GET', signal, byPerson = false } = {}) {
  for (;;) {
    const response = await attempt(path, { method, signal, headers: authorization(), cache: 'no-store' });
    if (response.ok) return response;
    if (response.status === 401 && (await obtainToken({ byPerson }))) continue;
    throw errorOf(response.status, await response.text(), (name) => response.headers.get(name));
  }
}

async function attempt(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw unreachable();
  }
}

export function unreachable() {
  return new ApiError({ code: 'SERVER_UNREACHABLE', message: 'The server does not answer.' });
}

/** The ApiError of an answer: the server's own, or one made of the status where a proxy in between answered. */
export function errorOf(status, body, header) {
  const seconds = Number.parseFloat(header('Retry-After') ?? '');
  const retryAfter = Number.isFinite(seconds) ? Math.max(0, seconds) : null;
  try {
    const shape = JSON.parse(body);
    if (typeof shape.code === 'string') return new ApiError(shape, status, retryAfter);
  } catch {
    // Not the server's shape: described below.
  }
  const code = { 401: 'UNAUTHORIZED', 404: 'NOT_FOUND', 413: 'LIMIT_EXCEEDED', 429: 'OVERLOADED', 503: 'OVERLOADED' }[status] ?? 'INTERNAL';
  return new ApiError({ code, message: `The answer had status ${status}.` }, status, retryAfter);
}
