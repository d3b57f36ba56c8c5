// Sends one picture as a job, with progress by bytes. XMLHttpRequest, because fetch does not tell how much was sent.

import { ApiError, DOMAINS, authorization, errorOf, obtainToken, unreachable } from './api.js';

/** The job that the server made of `file`. `onProgress(sent, total)` counts the request's bytes. */
export async function upload(file, domain, { onProgress, signal }) {
  for (;;) {
    const answer = await post(file, domain, onProgress, signal);
    if (answer.status === 202) return onlyJob(answer.body);
    if (answer.status === 401 && (await obtainToken({ byPerson: true }))) continue;
    throw errorOf(answer.status, answer.body, answer.header);
  }
}

function onlyJob(body) {
  const job = JSON.parse(body).jobs[0];
  if (job.error) throw new ApiError(job.error, 200);
  return job;
}

function post(file, domain, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append('files', file, file.name);
    const xhr = new XMLHttpRequest();
    xhr.open('POST', `/api/v1/jobs?domain=${DOMAINS[domain].path}`);
    for (const [name, value] of Object.entries(authorization())) xhr.setRequestHeader(name, value);
    xhr.upload.addEventListener('progress', (event) => onProgress(event.loaded, event.total));
    xhr.addEventListener('load', () =>
      resolve({ status: xhr.status, body: xhr.responseText, header: (name) => xhr.getResponseHeader(name) }),
    );
    xhr.addEventListener('error', async () => reject((await readable(file)) ? unreachable() : unreadable(file)));
    xhr.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')));
    signal.addEventListener('abort', () => xhr.abort(), { once: true });
    xhr.send(form);
  });
}

/** A file that was moved or changed since it was chosen fails just as a dead server does; it must be told apart. */
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function unreadable(file) {
  return new ApiError({ code: 'FILE_UNREADABLE', stage: 'upload', message: `${file.name} cannot be read any more.` });
}
