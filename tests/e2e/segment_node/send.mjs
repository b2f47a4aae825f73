// What a server in Node sends with Segment's own package: node send.mjs DIRECTORY PACKAGE HOST WRITE_KEY
// DIRECTORY is where the package is installed. Prints the errors that the package reports, as JSON.
import { createRequire } from "node:module";

const [directory, name, host, writeKey] = process.argv.slice(2);
const { Analytics } = createRequire(`${directory}/`)(name);
const analytics = new Analytics({ host, writeKey, flushInterval: 50, maxRetries: 1 });
const errors = [];
analytics.on("error", (error) => errors.push(`${error.code}: ${error.reason?.message ?? error.reason}`));

const at = (second) => new Date(Date.UTC(2025, 2, 1, 9, 0, second));

analytics.page({ anonymousId: "n-1", name: "Home", timestamp: at(0) });
analytics.identify({ anonymousId: "n-1", traits: { firstName: "Bob", address: { city: "Oslo" } }, timestamp: at(1) });
analytics.track({ userId: "17", anonymousId: "n-1", event: "Signed Up", timestamp: at(2) });
analytics.identify({
  userId: "17",
  traits: { email: "bob@example.com", phone: "+14155550117", birthday: new Date("1985-04-12"), plan: "gold" },
  timestamp: at(3),
});
analytics.alias({ userId: "17", previousId: "device-17", timestamp: at(4) });
analytics.group({ userId: "17", groupId: "B-1", traits: { name: "Initech", employees: 329 }, timestamp: at(5) });
analytics.screen({ userId: "17", name: "Settings", timestamp: at(6) });
await analytics.closeAndFlush({ timeout: 20000 });
console.log(JSON.stringify(errors));
