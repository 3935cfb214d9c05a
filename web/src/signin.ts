import "./style.css";
import "./theme";

// The secret goes from the field into one request's body, and nowhere else.

const form = document.querySelector<HTMLFormElement>("#form")!;
const id = document.querySelector<HTMLInputElement>("#id")!;
const secret = document.querySelector<HTMLInputElement>("#secret")!;
const fault = document.querySelector<HTMLElement>("#fault")!;
const button = form.querySelector("button")!;

// A link from elsewhere comes without the cookie, which is for this site's own requests;
// a request of this page has it, and so does the reload.
async function bounce() {
  const answer = await fetch("/v1/session", { cache: "no-store" }).catch(() => null);
  if (answer?.ok && (await answer.json()).signedIn) location.reload();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  fault.textContent = "";
  button.disabled = true;
  try {
    const answer = await fetch("/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ accessKeyId: id.value.trim(), secretAccessKey: secret.value.trim() }),
    });
    if (answer.ok) {
      secret.value = "";
      location.reload();
      return;
    }
    fault.textContent = (await answer.json()).message ?? "The server did not let you in.";
    secret.focus();
    secret.select();
  } catch {
    fault.textContent = "The server can’t be reached.";
  } finally {
    button.disabled = false;
  }
});

void bounce();
id.focus();
