(() => {
  const { to, response } = document.body.dataset;
  const asker = window.opener ?? (window.parent === window ? null : window.parent);
  asker?.postMessage({ type: "authorization_response", response: JSON.parse(response) }, to);
})();
