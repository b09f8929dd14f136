// openapi.mjs FILE: ends with 1 when one of the judges says no. Every example is held to its schema, too.
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { validate, compileErrors } from "@readme/openapi-parser";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const text = readFileSync(process.argv[2], "utf8");
const document = JSON.parse(text);

const first = await new Validator().validate(JSON.parse(text));
if (!first.valid) {
  console.error("openapi-schema-validator:", JSON.stringify(first.errors, null, 1));
  process.exit(1);
}
const second = await validate(JSON.parse(text));
if (!second.valid) {
  console.error("openapi-parser:", compileErrors(second));
  process.exit(1);
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(document, "doc");
let examples = 0;
function walk(part, at) {
  if (part === null || typeof part !== "object") return;
  if ("schema" in part && "example" in part) {
    const path = at.map((s) => encodeURIComponent(s.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");
    const check = ajv.compile({ $ref: `doc#/${path}/schema` });
    examples++;
    if (!check(part.example)) {
      console.error(at.join(" "), ajv.errorsText(check.errors));
      process.exit(1);
    }
  }
  for (const [name, value] of Object.entries(part)) walk(value, [...at, name]);
}
walk(document, []);
const operations = Object.values(document.paths).flatMap((path) => Object.keys(path)).length;
console.log(`valid: ${operations} operations, ${examples} examples fit their schemas`);
