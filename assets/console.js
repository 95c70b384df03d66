// Starts Swagger UI: it reads the description of this host's API and calls this host, and keeps nothing.

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function paint() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

/** What reads comes before what writes. */
function byMethod(one, other) {
  const order = ["get", "post", "put", "delete"];
  return order.indexOf(one.get("method")) - order.indexOf(other.get("method"));
}

/** What the page around it says already, and a field for the key that no browser remembers or has checked elsewhere. */
function ours({ React }) {
  const nothing = () => () => null;
  const forgetful = (Input) => (props) =>
    React.createElement(Input, { ...props, autoComplete: "off", autoCapitalize: "off", spellCheck: false });
  return { wrapComponents: { InfoContainer: nothing, ServersContainer: nothing, Input: forgetful } };
}

paint();
dark.addEventListener("change", paint);

// A browser that goes back may show the page as it was left, key and all.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    window.location.reload();
  }
});

SwaggerUIBundle({
  domNode: document.getElementById("console"),
  url: "/api/openapi.json",
  validatorUrl: null,
  persistAuthorization: false,
  queryConfigEnabled: false,
  tryItOutEnabled: true,
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  operationsSorter: byMethod,
  plugins: [ours],
});
