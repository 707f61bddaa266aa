// node pds_lexicons.cjs FOLDER NSID…: prints [lexicon, …], read back from the modules that @atproto/lex made of them.
//
// A PDS ships its lexicons as generated calls such as `l.object({uri: l.string({format: "at-uri"})})`. This file stands
// in for @atproto/lex while they load, so that each call gives back the definition that it was generated from.
"use strict";
const { registerHooks } = require("node:module");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

// Generated modules end with `main.isTypeOf.bind(main)` and the like: any method will do.
const anyMethod = new Proxy({}, { get: (_, key) => (key === "toJSON" ? undefined : () => {}) });
const names = new Map(); // definition → "nsid#name"
const named = (nsid, name, fields) => {
  const made = Object.assign(Object.create(anyMethod), fields);
  names.set(made, `${nsid}#${name}`);
  return made;
};

class Field {
  constructor(schema) {
    this.schema = schema;
  }
}
const field = (inner) => (inner instanceof Field ? inner : new Field(inner));

const plain = (type) => (options) => ({ type, ...options });
const shaped = (type, shape = {}) => {
  const fields = Object.entries(shape).map(([key, inner]) => [key, field(inner)]);
  const keys = (wanted) => fields.filter(([, each]) => wanted(each)).map(([key]) => key);
  return {
    type,
    required: keys((each) => !each.optional),
    nullable: keys((each) => each.nullable),
    properties: Object.fromEntries(fields.map(([key, each]) => [key, each.schema])),
  };
};
const payload = (encoding, schema) => encoding && { encoding, schema };
const failures = (errors = []) => errors.map((name) => ({ name }));

exports.l = {
  boolean: plain("boolean"),
  integer: plain("integer"),
  string: plain("string"),
  bytes: plain("bytes"),
  cid: plain("cid-link"),
  lexMap: plain("unknown"),
  blob: ({ allowLegacy: _, ...options } = {}) => ({ type: "blob", ...options }),
  array: (items, options) => ({ type: "array", items, ...options }),
  object: (shape) => shaped("object", shape),
  params: (shape) => shaped("params", shape),
  optional: (inner) => Object.assign(field(inner), { optional: true }),
  nullable: (inner) => Object.assign(field(inner), { nullable: true }),
  withDefault: (inner, value) => ({ ...inner, default: value }),
  ref: (target) => ({ type: "ref", ref: target }),
  typedRef: (target) => target,
  typedUnion: (refs, closed) => ({ type: "union", refs, closed }),
  payload,
  jsonPayload: (shape) => payload("application/json", shaped("object", shape)),
  typedObject: named,
  record: (key, nsid, record) => named(nsid, "main", { type: "record", key, record }),
  query: (nsid, parameters, output, errors) =>
    named(nsid, "main", { type: "query", parameters, output, errors: failures(errors) }),
  procedure: (nsid, parameters, input, output, errors) =>
    named(nsid, "main", { type: "procedure", parameters, input, output, errors: failures(errors) }),
};

const lexicon = async (folder, nsid) => {
  const module = await import(pathToFileURL(join(folder, ...nsid.split(".")) + ".defs.js").href);
  const mine = Object.values(module).filter((value) => names.get(value)?.startsWith(`${nsid}#`));
  const defs = Object.fromEntries(mine.map((made) => [names.get(made).split("#")[1], made]));
  return { lexicon: 1, id: nsid, defs };
};

const main = async ([folder, ...nsids]) => {
  const self = pathToFileURL(__filename).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "@atproto/lex" ? { url: self, format: "commonjs", shortCircuit: true } : next(specifier, context),
  });
  const lexicons = await Promise.all(nsids.map((nsid) => lexicon(folder, nsid)));
  const spelled = (_, value) => (typeof value === "function" ? names.get(value()) : value); // a ref is a function
  process.stdout.write(JSON.stringify(lexicons, spelled));
};

if (require.main === module) main(process.argv.slice(2));
