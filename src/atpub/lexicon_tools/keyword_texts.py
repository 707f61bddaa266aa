"""What each type and keyword of the Lexicon language means, in a sentence: what editors show for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TYPE_TEXTS: Final[Mapping[str, str]] = {
    "array": "A list of items of one type.",
    "blob": "A file that is uploaded apart from the record: its CID, MIME type and size.",
    "body": "What a method takes or returns: a MIME type, and a schema where it is JSON.",
    "boolean": "True or false.",
    "bytes": 'A byte string, in JSON {"$bytes": "base64"}.',
    "cid-link": 'A link to content by its CID, in JSON {"$link": "cid"}.',
    "error": "An error that a method can return.",
    "integer": "A whole number of 64 bits. Lexicon has no floats.",
    "lexicon": "A file of the Lexicon language: an NSID, and definitions.",
    "message": "The messages of a subscription.",
    "object": "Named properties. Objects may have others than those that are named here.",
    "params": "The parameters of a method, in the query of its URL.",
    "permission": "What an app may do: write records (repo), or call methods (rpc).",
    "permission-set": "A bundle of permissions that an app can ask for under one name.",
    "procedure": "An XRPC method that changes something (HTTP POST).",
    "query": "An XRPC method that reads (HTTP GET).",
    "record": "A record: what a repository keeps, in a collection of this NSID.",
    "ref": "Another definition, used here.",
    "string": "Unicode text. Its lengths are in UTF-8 bytes, or in graphemes.",
    "subscription": "A stream of events (WebSocket).",
    "token": "A name that stands for itself, for use in knownValues and enum.",
    "union": "One of several objects, told apart by their $type.",
    "unknown": "Any object; nothing is checked in it.",
}

KEYWORD_TEXTS: Final[Mapping[str, str]] = {
    "accept": "The MIME types of files that are accepted: image/png, image/*, or */*.",
    "action": "What may be done with the records; everything where it is absent.",
    "aud": "The service that the methods may be called on: a DID with a fragment, or *.",
    "closed": "Allow no other types than those in refs. Open unions can gain types later; closed ones cannot.",
    "collection": "The NSIDs of the records' collections.",
    "const": "The only value that is valid.",
    "default": "The value that an absent field stands for.",
    "defs": "The definitions by name. A record or method is named main.",
    "description": "What it means, for people.",
    "detail": "A longer explanation, for the people who grant the permissions.",
    "detail:lang": "The detail in other languages, by language tag.",
    "encoding": "The MIME type, such as application/json.",
    "enum": "The only values that are valid. Later versions of a lexicon cannot add to them: see knownValues.",
    "errors": "The errors that the method can return.",
    "format": "The form of the text, such as datetime or at-uri.",
    "id": "The NSID of the lexicon: a domain in reverse order and a name, such as org.example.note.",
    "inheritAud": "Take the service from the request that asks for the permission set.",
    "input": "The body of the request.",
    "items": "The type of the items.",
    "key": "The form of record keys: tid (by time), nsid, any, or literal:… for one record of this key.",
    "knownValues": "Values that are usual; others are valid, too. A token is named as NSID#name.",
    "lexicon": "The version of the language: 1.",
    "lxm": "The NSIDs of the methods.",
    "maxGraphemes": "The most characters, as people count them (grapheme clusters).",
    "maxLength": "The most items.",
    "maxSize": "The most bytes.",
    "maximum": "The largest value.",
    "message": "The messages: a union of objects.",
    "minGraphemes": "The fewest characters, as people count them (grapheme clusters).",
    "minLength": "The fewest items.",
    "minimum": "The smallest value.",
    "name": "The error's name, one word such as NotFound.",
    "nullable": "The properties that may be null.",
    "output": "The body of the response.",
    "parameters": "The parameters in the query of the URL.",
    "permissions": "What the set permits.",
    "properties": "The fields by name, each with its type.",
    "record": "The record's fields: an object.",
    "ref": "The definition: #name in this file, an NSID, or NSID#name.",
    "refs": "The definitions of the objects: #name in this file, an NSID, or NSID#name.",
    "required": "The properties that must be there. Later versions of a lexicon cannot add to them.",
    "resource": "What is permitted: repo for records, rpc for methods.",
    "revision": "A number that grows with each version of the lexicon.",
    "schema": "The type of the content: an object, ref or union.",
    "title": "The name of the permissions, for the people who grant them.",
    "title:lang": "The title in other languages, by language tag.",
    "type": "The type, which decides the other keywords.",
    "string.maxLength": "The most bytes in UTF-8.",
    "string.minLength": "The fewest bytes in UTF-8.",
    "bytes.maxLength": "The most bytes.",
    "bytes.minLength": "The fewest bytes.",
    "message.schema": "The union of the messages.",
    "params.required": "The parameters that must be given.",
}
"""By keyword; `string.maxLength` where it means something of its own in one type."""


def keyword_text(kind: str, word: str) -> str:
    """Return what a keyword means in a type."""
    return KEYWORD_TEXTS.get(f"{kind}.{word}") or KEYWORD_TEXTS[word]
