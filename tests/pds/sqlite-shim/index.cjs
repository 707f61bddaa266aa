// The part of better-sqlite3 that the reference PDS and its query builder (kysely) use, on Node's own node:sqlite.
// Where the two libraries differ, this one behaves as better-sqlite3 does.
'use strict'

const { DatabaseSync } = require('node:sqlite')

// The PDS repeats a statement on the BUSY codes and reads UNIQUE as "already taken". node:sqlite gives only the number.
const CODES = new Map([
  [5, 'SQLITE_BUSY'],
  [261, 'SQLITE_BUSY_RECOVERY'],
  [517, 'SQLITE_BUSY_SNAPSHOT'],
  [773, 'SQLITE_BUSY_TIMEOUT'],
  [2067, 'SQLITE_CONSTRAINT_UNIQUE'],
])

function withCode(work) {
  try {
    return work()
  } catch (error) {
    error.code = CODES.get(error.errcode) ?? error.code
    throw error
  }
}

const bound = (parameters) => parameters.map((value) => (value === undefined ? null : value))

// Plain objects and Buffers instead of objects without a prototype and Uint8Arrays.
function toRow(raw) {
  const row = { ...raw }
  for (const [column, value] of Object.entries(row)) {
    if (value instanceof Uint8Array) row[column] = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  return row
}

class Statement {
  #statement

  constructor(statement) {
    this.#statement = statement
    this.reader = statement.columns().length > 0
  }

  all(parameters = []) {
    return withCode(() => this.#statement.all(...bound(parameters))).map(toRow)
  }

  run(parameters = []) {
    return withCode(() => this.#statement.run(...bound(parameters)))
  }

  *iterate(parameters = []) {
    const rows = withCode(() => this.#statement.iterate(...bound(parameters)))
    for (;;) {
      const { done, value } = withCode(() => rows.next())
      if (done) return
      yield toRow(value)
    }
  }
}

module.exports = class Database {
  #db

  constructor(file, { timeout = 5000 } = {}) {
    this.#db = withCode(() => new DatabaseSync(file, { timeout }))
    this.pragma('synchronous = NORMAL') // better-sqlite3 is compiled so for WAL files, and every file of the PDS is one
  }

  prepare(sql) {
    return withCode(() => new Statement(this.#db.prepare(sql)))
  }

  pragma(text) {
    return this.prepare(`PRAGMA ${text}`).all()
  }

  close() {
    if (this.#db.isOpen) this.#db.close()
  }
}
