"""The page: paste a draft, read a column for each room, fill the blanks. Gradio parses and draws; `Coach` does the work."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

# Before Gradio is imported: it reads these once, and would else ask its servers for news.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")

import gradio as gr
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coach import cards
from coach.draft import MAX_FILE, SUFFIXES, read_file
from coach.errors import CoachError, OptionError
from coach.jobs import Stats
from coach.local import LOCAL, fetch, held, is_local, known
from coach.model import leaves_to
from coach.pipeline import Coach
from coach.resources import load_samples
from coach.schema import ROOMS, Brief, Item, Room, Side
from coach.settings import Settings

# Nothing but this server may be asked for anything: no font, script, picture or beacon of others.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: blob:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'self'"
)
_PROGRESS = gr.Progress()  # Gradio finds it among a handler's defaults
_SIDES = [("I bring this to my manager", "report"), ("I am the manager", "manager")]


@dataclass(frozen=True)
class _Asked:
    """What the brief on the page was made from; hashable, as Gradio keeps it by hash."""

    text: str = ""
    side: Side = "report"
    day: date | None = None
    answers: tuple[tuple[str, str], ...] = ()
    moves: tuple[tuple[int, Room], ...] = ()
    model: str = ""
    private_too: bool = False


@dataclass(frozen=True)
class _Shown:
    """A brief and what it was made from."""

    brief: Brief
    asked: _Asked
    cost: str = ""


def launch(settings: Settings, progress: Callable[[str, int, int], None] | None = None) -> None:
    """Open the page and stay until it is stopped.

    Raises OptionError for an address other than loopback without a user and password, and for a
    port that is taken; and what opening the index raises.
    """
    auth = _sign_in(settings)
    _check_port(settings)
    # Uploads pass through a folder that only we can read and that goes when the page stops.
    folder = tempfile.mkdtemp(prefix="prep-coach-")
    os.environ["GRADIO_TEMP_DIR"] = folder
    try:
        coach = Coach(settings, progress)
        page = build(coach)
        print(f"The coach is open at http://{_shown(settings.host)}:{settings.port}  (Ctrl-C stops it)", flush=True)
        page.launch(
            server_name=settings.host,
            server_port=settings.port,
            auth=auth,
            quiet=True,
            share=False,
            ssr_mode=False,
            inbrowser=False,
            enable_monitoring=False,
            footer_links=[],
            max_file_size=MAX_FILE,
            theme=_theme(),
            css=files("coach").joinpath("ui.css").read_text("utf-8"),
            app_kwargs={"middleware": [Middleware(_OnlyUs)]},
        )
    except OSError as error:
        raise _port_taken(settings) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def build(coach: Coach) -> gr.Blocks:
    """The page for a coach, not yet served. Opens the index, so that the first draft is quick."""
    rooms = {one.id: one for one in coach.library.rooms}
    room_choices = [(rooms[one].title, one) for one in ROOMS]

    coaches = _Coaches(coach)

    def prepare(asked: _Asked, progress: Callable[..., Any] | None = None) -> Iterator[Any]:
        """What to show and what to say: the whole brief, and again as a model betters it.

        On a failure what was shown stays, and so does the draft.
        """
        brief: Brief | None = None
        cost: list[Stats] = []
        try:
            mine = coaches.of(asked.model, asked.private_too)
            given: dict[str, Any] = {"text": asked.text, "as_": asked.side, "review_date": asked.day, "on_stats": cost.append}
            given |= {"answers": dict(asked.answers), "moves": dict(asked.moves)}
            for n, brief in enumerate(mine.stream(given)):
                if not brief.documents.okr:
                    if progress:
                        progress((n, len(brief.items) + 2), desc="Reading the draft" if n == 0 else "Writing")
                elif asked.model:
                    yield _Shown(brief, asked), cards.notes([*brief.notices, *([] if cost else [cards.AT_WORK])])
        except CoachError as error:
            yield gr.skip(), cards.failure(error.what, error.fix)
            return
        except Exception as error:
            # A defect of ours: its name may be logged, its message may hold words of the draft.
            print(f"coach: {type(error).__name__} while preparing a draft", flush=True)
            yield gr.skip(), cards.failure("The coach failed on this draft.", "Your draft is untouched; run coach doctor.")
            return
        assert brief is not None
        yield _Shown(brief, asked, cards.cost(cost[0]) if cost else ""), cards.notes(brief.notices)

    def on_prepare(text: str, side: Side, day: str, model: str, private_too: bool, progress: Any = _PROGRESS) -> Iterator[Any]:
        try:
            asked = _Asked(text or "", side, _day(day), model=model or "", private_too=bool(private_too))
        except CoachError as error:
            yield gr.skip(), cards.failure(error.what, error.fix)
            return
        yield from prepare(asked, progress)

    def on_fill(keys: list[str], shown: _Shown, model: str, private_too: bool, *words: str) -> Iterator[Any]:
        answers = dict(shown.asked.answers)
        for key, word in zip(keys, words, strict=True):
            answers.pop(key, None)
            if word and word.strip():
                answers[key] = " ".join(word.split())
        # By the choice of a model as the page shows it now: that is what it says will leave this machine.
        yield from prepare(replace(shown.asked, answers=tuple(answers.items()), model=model or "", private_too=bool(private_too)))

    def on_move(number: int, shown: _Shown, model: str, private_too: bool, room: Room) -> Iterator[Any]:
        others = (one for one in shown.asked.moves if one[0] != number)
        yield from prepare(replace(shown.asked, moves=(*others, (number, room)), model=model or "", private_too=bool(private_too)))

    def on_model(model: str, private_too: bool) -> tuple[Any, ...]:
        """What will leave the machine with this choice, and what is still to be done for it."""
        chosen = coaches.settings(model, private_too)
        away = leaves_to(chosen)
        missing = bool(model) and is_local(model) and not _is_here(chosen, model)
        return (
            cards.leaving(model, away, private_too, missing),
            gr.update(visible=missing),
            gr.update(visible=away is not None),
        )

    def on_fetch(model: str, private_too: bool) -> Iterator[Any]:
        weights = known(model)
        done: list[CoachError | None] = []

        def get() -> None:
            try:
                fetch(weights, coach.settings.home, lambda what, have, total: at.__setitem__(0, have))
                done.append(None)
            except CoachError as error:
                done.append(error)

        at = [0]
        thread = threading.Thread(target=get, daemon=True)
        thread.start()
        while thread.is_alive():
            yield cards.downloading(weights.title, at[0], weights.bytes), gr.update(interactive=False), gr.skip()
            thread.join(0.5)
        if done and done[0] is not None:
            yield cards.failure(done[0].what, done[0].fix), gr.update(interactive=True), gr.skip()
            return
        words, button, private_box = on_model(model, private_too)
        yield words, button, private_box

    def on_upload(path: str) -> Any:
        try:
            return read_file(Path(path)), ""
        except CoachError as error:
            return gr.skip(), cards.failure(error.what, error.fix)
        finally:
            Path(path).unlink(missing_ok=True)

    def on_search(query: str) -> str:
        return cards.passages(coach.search(query, 5)) if query.strip() else ""

    def prep(
        text: str, as_: str = "report", review_date: str = "", answers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """The brief of a draft as JSON, the same as `coach prep --format json`."""
        try:
            if as_ not in ("report", "manager"):
                raise OptionError(f"{as_!r} is no side of a 1:1.", "Use report or manager.")
            side: Side = "report" if as_ == "report" else "manager"
            brief = coach.prep(text, as_=side, review_date=_day(review_date), answers=answers)
        except CoachError as error:
            raise gr.Error(f"{error.what} {error.fix}", print_exception=False) from None
        return brief.model_dump(mode="json")

    with gr.Blocks(title="Prep coach", analytics_enabled=False, fill_width=True, delete_cache=(60, 60)) as page:
        # One state, so that one change draws the columns once.
        now = gr.State(None)
        gr.HTML(
            "<h1>Prep coach</h1><p>Paste the update you would take into the review. "
            "Private lines never reach the public document.</p>",
            elem_id="title",
        )
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                draft = gr.Textbox(
                    label="Your draft",
                    lines=19,
                    max_lines=30,
                    elem_id="draft",
                    placeholder="Bullets, a table, a mail, a few spoken sentences. As it is.",
                )
            with gr.Column(scale=1, min_width=260):
                side = gr.Radio(_SIDES, value="report", label="In the 1:1", elem_id="side")
                day = gr.Textbox(label="Review date", placeholder="2026-12-17", elem_id="day", max_lines=1)
                upload = gr.UploadButton("Open a file (.md, .txt, .docx)", file_types=list(SUFFIXES), size="sm")
                with gr.Row():
                    for sample in load_samples():
                        gr.Button(sample.title, size="sm", min_width=100).click(
                            _giving(sample.text), None, draft, api_visibility="private"
                        )
                picker = gr.Dropdown(
                    coaches.choices(),
                    value=coaches.first,
                    label="Wording",
                    filterable=False,
                    elem_id="model",
                )
                private_too = gr.Checkbox(False, label="Send private lines too", visible=leaves_to(coach.settings) is not None, elem_id="private-too")
                leaving = gr.HTML(on_model(coaches.first, False)[0], elem_id="leaving")
                download = gr.Button("Download the model", size="sm", visible=on_model(coaches.first, False)[1]["visible"], elem_id="download")
                go = gr.Button("Prepare", variant="primary", elem_id="prepare")
                stop = gr.Button("Stop the model", size="sm", visible=False, elem_id="stop")
        message = gr.HTML("", elem_id="message")
        outputs = [now, message]
        with gr.Tabs():
            with gr.Tab("Rooms"):

                @gr.render(inputs=[now])  # type: ignore[untyped-decorator]
                def columns(shown: _Shown | None) -> None:
                    if shown is None:
                        gr.HTML('<p class="empty">Each line of the draft appears here, in the room it belongs to.</p>')
                        return
                    with gr.Row():
                        for room in ROOMS:
                            mine = [one for one in shown.brief.items if one.room == room]
                            if not mine:
                                continue
                            with gr.Column(min_width=250, elem_classes=["column", f"column-{room}"]):
                                gr.HTML(cards.room_head(rooms[room], len(mine)))
                                for item in mine:
                                    look = "private" if item.private else rooms[room].audience
                                    with gr.Column(elem_classes=["item", look], elem_id=f"item-{item.id}"):
                                        draw(item, shown.asked)

                def draw(item: Item, asked: _Asked) -> None:
                    gr.HTML(cards.item_card(item))
                    asks = {f"{item.id}.{one.key}": one.question for each in item.rewrites for one in each.blanks}
                    given = {key: words for key, words in asked.answers if key.startswith(f"{item.id}.")}
                    keys = list({**given, **asks})
                    fields = [
                        gr.Textbox(
                            given.get(key, ""),
                            label=asks.get(key) or f"Your answer: {key.split('.')[1]}",
                            placeholder=f"[{key.split('.')[1]}?]",
                            max_lines=1,
                            elem_id=f"fill-{key.replace('.', '-')}",
                        )
                        for key in keys
                    ]
                    if fields:
                        put = gr.Button("Fill in", size="sm", elem_id=f"put-{item.id}")
                        gr.on(
                            [put.click, *[one.submit for one in fields]],
                            partial(on_fill, keys),
                            [now, picker, private_too, *fields],
                            outputs,
                            api_visibility="private",
                        )
                    move = gr.Dropdown(
                        room_choices,
                        value=item.room,
                        label="Move to",
                        filterable=False,
                        interactive=True,
                        elem_id=f"move-{item.id}",
                    )
                    move.input(partial(on_move, item.id), [now, picker, private_too, move], outputs, api_visibility="private")

            with gr.Tab("1:1 questions"):
                asked_questions = gr.HTML(cards.questions_list(()), elem_id="questions")
            with gr.Tab("Documents"):
                links = gr.HTML("", elem_id="downloads")
                with gr.Row():
                    private = gr.Textbox(
                        label="1:1 document, private", lines=20, buttons=["copy"], interactive=False, elem_id="private-doc"
                    )
                    public = gr.Textbox(
                        label="OKR document, public", lines=20, buttons=["copy"], interactive=False, elem_id="public-doc"
                    )
                checks = gr.HTML("", elem_id="checklist")
            with gr.Tab("Playbook"):
                query = gr.Textbox(label="Search the playbook", placeholder="who decides when nobody owns it", elem_id="query")
                found = gr.HTML("", elem_id="found")
                query.submit(on_search, query, found, api_visibility="private")
        cost = gr.HTML("", elem_id="cost")
        running = go.click(
            on_prepare,
            [draft, side, day, picker, private_too],
            outputs,
            api_visibility="private",
            show_progress_on=[message],
        )
        go.click(lambda model: gr.update(visible=bool(model)), picker, stop, api_visibility="private", queue=False)
        running.then(lambda: gr.update(visible=False), None, stop, api_visibility="private")
        stop.click(lambda: (cards.notes([cards.STOPPED]), gr.update(visible=False)), None, [message, stop], cancels=[running], api_visibility="private")
        choice = [leaving, download, private_too]
        gr.on([picker.change, private_too.input], on_model, [picker, private_too], choice, api_visibility="private")
        download.click(on_fetch, [picker, private_too], choice, api_visibility="private", show_progress="hidden")
        upload.upload(on_upload, upload, [draft, message], api_visibility="private")
        now.change(_rest, now, [asked_questions, links, private, public, checks, cost], api_visibility="private")
        gr.api(prep, api_name="prep")  # type: ignore[attr-defined]
    result: gr.Blocks = page
    return result


def _giving(text: str) -> Callable[[], str]:
    return lambda: text


def _rest(shown: _Shown | None) -> tuple[str, ...]:
    if shown is None:
        return cards.questions_list(()), "", "", "", "", ""
    brief = shown.brief
    return (
        cards.questions_list(brief.questions),
        cards.downloads(brief),
        brief.documents.one_on_one,
        brief.documents.okr,
        cards.checklist(brief.checklist),
        shown.cost,
    )


class _Coaches:
    """A coach for each choice of a model; all share one opened library."""

    def __init__(self, plain: Coach) -> None:
        self._plain = plain
        self._made: dict[tuple[str, bool], Coach] = {}
        self._lock = threading.Lock()
        self.first = plain.settings.model or ""

    def choices(self) -> list[tuple[str, str]]:
        """What the picker offers: none, each on-device model, and what the settings name."""
        every = [("The coach's own, no model", "")]
        every += [(f"On this machine: {one.weights.title}", f"{LOCAL}:{one.weights.id}") for one in held(self._plain.settings.home)]
        if self.first == LOCAL:
            self.first = every[1][1]
        if self.first and self.first not in (value for _, value in every):
            away = leaves_to(self._plain.settings)
            every.append((f"{self.first} at {away}" if away else f"On this machine: {Path(self.first).name}", self.first))
        return every

    def settings(self, model: str, private_too: bool) -> Settings:
        """The settings with this choice."""
        return self._plain.settings.model_copy(update={"model": model or None, "private_to_model": private_too})

    def of(self, model: str, private_too: bool) -> Coach:
        """The coach for a choice; an on-device server of another choice is stopped."""
        with self._lock:
            key = (model, private_too)
            if key not in self._made:
                for other in self._made.values():
                    other.close()
                self._made = {key: Coach(self.settings(model, private_too), library=self._plain.library)}
            return self._made[key]


def _is_here(settings: Settings, model: str) -> bool:
    if not model.startswith(LOCAL):
        return Path(model).expanduser().is_file()
    return any(one.path for one in held(settings.home) if one.weights.id == known(model).id)


class _OnlyUs:
    """Tells the browser to talk to this server alone, and to keep no copy of what it answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", _POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self.app(scope, receive, answer if scope["type"] == "http" else send)


def _theme() -> gr.themes.Base:
    sans = ("ui-sans-serif", "system-ui", "sans-serif")
    return gr.themes.Soft(
        primary_hue="teal", neutral_hue="slate", font=sans, font_mono=("ui-monospace", "Consolas", "monospace")
    )


def _sign_in(settings: Settings) -> tuple[str, str] | None:
    """The user and password of the page; any address but loopback must have them."""
    signed = (settings.user, settings.password) if settings.user and settings.password else None
    if signed is None and not _is_loopback(settings.host):
        raise OptionError(
            f"{settings.host} can be reached from other machines, and drafts are private.",
            "Set COACH_USER and COACH_PASSWORD, or leave the host at 127.0.0.1.",
        )
    return signed


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_port(settings: Settings) -> None:
    """Fail before the index is opened rather than after."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise _port_taken(settings) from error


def _port_taken(settings: Settings) -> OptionError:
    return OptionError(
        f"Port {settings.port} on {settings.host} cannot be used; another program may have it.",
        f"Stop that program, or run coach app --port {settings.port + 1 if settings.port < 65535 else 7861}.",
    )


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _day(words: str | None) -> date | None:
    try:
        return date.fromisoformat(words.strip()) if words and words.strip() else None
    except ValueError:
        raise OptionError("The review date is not a date.", "Write it as YYYY-MM-DD, such as 2026-12-17.") from None
