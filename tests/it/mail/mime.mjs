// Parses mails as a web mailer would: of each, what it is expected to be stands in a line of JSON.

import assert from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, mails, expectations] = process.argv.slice(2);
const { simpleParser } = createRequire(`${folder}/`)("mailparser");
const spaced = (text) => text.split(/\s+/u).filter(Boolean).join(" ");

const raw = readFileSync(mails);
let place = 0;
let count = 0;
for (const line of readFileSync(expectations, "utf8").trim().split("\n")) {
  const length = raw.readUInt32BE(place);
  const mail = raw.subarray(place + 4, place + 4 + length);
  place += 4 + length;
  const expected = JSON.parse(line);
  const parsed = await simpleParser(mail, { skipTextToHtml: true, skipImageLinks: true });
  try {
    assert.equal(parsed.headerLines.length, expected.headers.length);
    assert.equal(parsed.from.value.length, 1);
    assert.equal(parsed.from.value[0].address, expected.from);
    assert.equal(spaced(parsed.from.value[0].name), spaced(expected.name));
    // It shows a domain in its international form.
    const to = expected.to.replace("xn--bcher-kva", "bücher");
    assert.deepEqual(parsed.to.value, [{ address: to, name: "" }]);
    assert.equal(spaced(parsed.subject ?? ""), spaced(expected.subject));
    assert.equal(parsed.text.split("\n").filter((one) => one === expected.link).length, 1);
    assert.equal(parsed.html.split(`href="${expected.link}"`).length, 2);
  } catch (error) {
    console.error(error.message, expected, mail.toString());
    process.exit(1);
  }
  count += 1;
}
console.log(count);
