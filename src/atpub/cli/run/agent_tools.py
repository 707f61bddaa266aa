"""The tools of `atpub mcp`, carried out on one manifest and account: each call reads both afresh."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from atpub.agents.answers import Answer
from atpub.agents.approvals import ApprovalStore, name_repository, parse_digest
from atpub.agents.tools import read_call
from atpub.atproto.data import Json
from atpub.cli.connect import TargetOptions, find_target
from atpub.cli.failures import DetailedError, classify, detailed_json
from atpub.cli.output import tell
from atpub.cli.prepare import PreparedPlan, prepare_plan, project_options, with_publishers
from atpub.cli.run.apply import RefusedPlan, apply_prepared, require_login
from atpub.cli.run.published import find_uri, read_published, reading
from atpub.desired import read_manifest, usual_paths, validate
from atpub.errors import AtpubError, InternalError, RecordNotFound, Refused, StalePlan, Usage
from atpub.explanations.table import explanations, normalize_code
from atpub.generated import LEXICONS
from atpub.generation.settings import lexicon_folders
from atpub.lexicon_tools.files import files_beside, find_files, leave_out_pulled
from atpub.lexicon_tools.lint import lint
from atpub.lexicon_tools.settings import read_ignored
from atpub.manifest.model import Manifest
from atpub.pulling.entries import parse_dataset_uri
from atpub.redact import redact
from atpub.report.drift import drift_document, drift_text
from atpub.report.explanations import codes_json, explanation_text
from atpub.report.lint import lint_json, lint_text
from atpub.report.outcomes import outcomes_json, outcomes_text
from atpub.report.plan import plan_json, plan_text
from atpub.report.problems import error_text
from atpub.report.published import record_json, view_json, view_text
from atpub.report.results import valid_json, valid_text
from atpub.report.style import PLAIN
from atpub.suggest import suggest

_WIDTH: Final = 100

Arguments: TypeAlias = Mapping[str, Json]


def manifest_files(manifests: Sequence[str]) -> tuple[str, ...]:
    """Return the absolute paths of a manifest, which is that of the current folder if none is named; raises Usage.

    An approval is of these files. Symlinks in the paths stay, for reading the manifest refuses those that lead outside.
    """
    if "-" in manifests:
        raise Usage("an agent's manifest is a file, and not stdin", hint="name it: -m PATH")
    return tuple(str(Path(path).absolute()) for path in manifests or usual_paths())


@dataclass(frozen=True, slots=True)
class ProjectTools:
    """The tools of a project: all read, and `apply` writes what a person has approved."""

    manifests: tuple[str, ...]
    options: TargetOptions
    environ: Mapping[str, str]
    approvals: ApprovalStore
    locked: bool = False

    def call(self, name: str, arguments: Arguments) -> Answer:
        """Carry out a call; an error is an answer, too."""
        try:
            return self._carry_out(name, read_call(name, arguments)).limit()
        except Exception as error:
            known = classify(error)
            if isinstance(known, InternalError):
                tell(redact("".join(traceback.format_exception(error))))
            return _failure(known).limit()

    def _carry_out(self, name: str, argument: str) -> Answer:
        match name:
            case "validate":
                return self._validate()
            case "plan":
                return self._plan()
            case "drift":
                return self._find_drift()
            case "lint":
                return _lint()
            case "show":
                return self._show(argument)
            case "explain":
                return _explain(argument)
            case _:
                assert name == "apply"
                return self._apply(parse_digest(argument))

    def _read_manifest(self) -> Manifest:
        return read_manifest(self.manifests, self.options.environment, self.environ)

    @contextmanager
    def _prepare(self, *, remember: bool = False) -> Generator[PreparedPlan]:
        manifest = self._read_manifest()
        with prepare_plan(manifest, self.options, project_options(), locked=self.locked, remember=remember) as made:
            yield made

    def _validate(self) -> Answer:
        manifest = self._read_manifest()
        desired, warnings = validate(manifest, locked=self.locked)
        count = len(desired)
        return Answer(valid_text(manifest.project, count, warnings), valid_json(manifest.project, count, warnings))

    def _plan(self) -> Answer:
        with self._prepare(remember=True) as made:
            plan = with_publishers(made).plan
        text = plan_text(plan)
        if plan.pending and not plan.refusals:
            text = f"A person approves this plan with: {self.approvals.command} {plan.digest}\n\n{text}"
        return Answer(text, plan_json(plan))

    def _find_drift(self) -> Answer:
        with self._prepare(remember=True) as prepared:
            return Answer(drift_text(prepared.plan), drift_document(prepared.plan))

    def _show(self, name: str) -> Answer:
        manifest = self._read_manifest()
        target = find_target(manifest, self.options)
        uri = parse_dataset_uri(name) if name.startswith("at://") else None
        path = (uri or find_uri(name, manifest)).path
        with reading(target) as repository:
            if uri and uri.authority not in (target.account, repository.did):
                hint = f"agents read the records of {target.account} alone"
                raise Refused(f"{uri.authority} is another account", hint=hint)
            found = replace(uri or find_uri(name, manifest), authority=repository.did)
            # The schema of another account stays unread: its URI may name any host.
            view = read_published(target, repository).find(found)
            if view is not None:
                return Answer(view_text(view, width=_WIDTH), view_json(view))
            record = repository.get_record(path) if path else None
        if record is None:
            raise RecordNotFound(f"there is no record {found}", hint="the tool plan shows what is published")
        return Answer(str(found), record_json(found, record))

    def _apply(self, digest: str) -> Answer:
        files = manifest_files(self.manifests)
        self.approvals.find(files, digest, datetime.now(UTC))  # before much is read
        self.approvals.require_outside(self._read_manifest().folder)
        with self._prepare() as made:
            prepared = with_publishers(made)
            plan = prepared.plan
            if plan.digest != digest:
                message = f"the plan's digest is {plan.digest} now, not {digest}"
                raise StalePlan(message, hint="show a person the new plan, and ask them to approve that")
            if plan.refusals:
                return _failure(RefusedPlan(plan.refusals), plan_text(plan))
            require_login(prepared)
            repository = name_repository(plan.did, prepared.target.folder)
            self.approvals.take(files, repository, digest, datetime.now(UTC))
            outcomes = apply_prepared(prepared, as_json=True, wait=False, is_new=True)
        return Answer(outcomes_text(plan, outcomes), outcomes_json(plan, outcomes))


def _failure(error: AtpubError, *more: str) -> Answer:
    """Return the answer for an error, with more above it."""
    details = error.details_text(PLAIN) if isinstance(error, DetailedError) else ""
    text = "\n\n".join(filter(None, (*more, details, error_text(error))))
    return Answer(text, detailed_json(error), is_error=True)


def _lint() -> Answer:
    folders = lexicon_folders()
    for folder in folders:
        if not folder.resolve().is_relative_to(Path.cwd().resolve()):
            raise Refused(f"{folder} leads out of the project's folder", hint="agents read lexicons within it")
    named = leave_out_pulled(find_files(folders))
    result = lint(named, files_beside(named, folders), LEXICONS.lexicons, read_ignored(()))
    return Answer(lint_text(result), lint_json(result))


def _explain(name: str) -> Answer:
    table, wanted = explanations(), normalize_code(name)
    if wanted not in table:
        raise Usage(f"there is no code {wanted!r}", hint=suggest(wanted, table) or "codes stand in brackets")
    return Answer(explanation_text(table[wanted]), codes_json([table[wanted]]))
