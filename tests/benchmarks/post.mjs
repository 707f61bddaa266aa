// Times @atproto/lexicon on one record: loaded from JSON and judged, judged only, and JSON to its CID.
// stdin: {lexicons, record, times}; stdout: the median seconds of each. node post.mjs NODE_MODULES
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { text } from 'node:stream/consumers'

const modules = path.resolve(process.argv[2])
const load = async (name) => {
  const require = createRequire(path.join(modules, 'x.js'))
  try {
    return require(name)
  } catch {
    return import(pathToFileURL(path.join(modules, name, 'dist/index.js')).href) // 0.5 ships modules only
  }
}
const { Lexicons, jsonToLex } = await load('@atproto/lexicon')
const { lexicons, record, times } = JSON.parse(await text(process.stdin))
const known = new Lexicons()
for (const lexicon of lexicons) known.add(lexicon)
const { cidForLex, cidForCbor } = await load('@atproto/common')
const lex = jsonToLex(record)
const seconds = async (work) => {
  const start = process.hrtime.bigint()
  for (let n = 0; n < times; n++) await work()
  return Number(process.hrtime.bigint() - start) / 1e9
}
const median = async (work) => {
  const found = []
  for (let n = 0; n < 18; n++) found.push(await seconds(work))
  return found.slice(3).sort((a, b) => a - b)[7]
}
console.log(
  JSON.stringify({
    loaded: await median(() => known.assertValidRecord(record.$type, jsonToLex(record))),
    judged: await median(() => known.assertValidRecord(record.$type, lex)),
    cid: await median(() => (cidForLex ?? cidForCbor)(jsonToLex(record))),
  }),
)
