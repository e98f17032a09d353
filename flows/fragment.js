'use strict';
const fragment = location.hash.slice(1);
history.replaceState(null, '', location.pathname); // before anything else: the address holds a token

(async () => {
  const message = document.getElementById('message');
  try {
    const answer = await fetch('/auth/fragment', {
      method: 'POST', body: new URLSearchParams(fragment), redirect: 'error', cache: 'no-store',
    });
    const body = await answer.json();
    if (answer.ok) {
      location.replace(body.return_to);
      return;
    }
    message.textContent = body.error.message;
    if (body.error.login_url?.startsWith('/auth/login')) document.querySelector('nav a').href = body.error.login_url;
  } catch {
    message.textContent = 'The gateway does not answer. Begin again.';
  }
})();
