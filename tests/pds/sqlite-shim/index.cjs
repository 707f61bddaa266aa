// The part of better-sqlite3 that the reference PDS and its query builder (kysely) use, on Node's own node:sqlite.
// Where the two libraries differ, this one behaves as better-sqlite3 does.
'use strict'

const fs = require('node:fs')
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

// The PDS opens an account's files for each request and closes them afterwards, which costs more than most requests.
// A connection that it closes is kept here for the next request, as long as its file is the same.
const MOST_IDLE = 64
const idle = [] // the one used last comes last

const inode = (file) => fs.statSync(file, { throwIfNoEntry: false })?.ino

function connect(file, timeout) {
  const found = idle.findLastIndex((connection) => connection.file === file)
  if (found >= 0) {
    const [connection] = idle.splice(found, 1)
    if (connection.inode === inode(file)) return connection
    connection.db.close()
  }
  const db = new DatabaseSync(file, { timeout })
  db.exec('PRAGMA synchronous = OFF') // the data outlives a killed process, and never has to outlive the machine
  return { file, db, inode: inode(file), statements: new Map() }
}

function release(connection) {
  if (connection.db.isTransaction !== false || connection.inode === undefined) return connection.db.close()
  idle.push(connection)
  if (idle.length > MOST_IDLE) idle.shift().db.close()
}

module.exports = class Database {
  #connection

  constructor(file, { timeout = 5000 } = {}) {
    this.#connection = withCode(() => connect(file, timeout))
  }

  prepare(sql) {
    const { db, statements } = this.#connection
    if (!statements.has(sql)) statements.set(sql, withCode(() => new Statement(db.prepare(sql))))
    return statements.get(sql)
  }

  pragma(text) {
    return withCode(() => new Statement(this.#connection.db.prepare(`PRAGMA ${text}`))).all()
  }

  close() {
    const connection = this.#connection
    this.#connection = undefined
    if (connection) release(connection)
  }
}
