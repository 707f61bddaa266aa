// Judges records by lexicons with @atproto/lexicon, the reference implementation.
// stdin: {lexicons: […], records: […]}; stdout: a JSON list, for each record null or what is wrong.
// node judge.mjs NODE_MODULES
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
const { lexicons, records } = JSON.parse(await text(process.stdin))
const known = new Lexicons()
for (const lexicon of lexicons) known.add(lexicon)
const verdicts = records.map((record) => {
  try {
    known.assertValidRecord(record.$type, jsonToLex(record))
    return null
  } catch (error) {
    return String(error)
  }
})
console.log(JSON.stringify(verdicts))
