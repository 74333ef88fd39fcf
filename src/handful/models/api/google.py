"""Google's Gemini API, through the `google-genai` SDK. Its retries are off, as are tools that call themselves and
answers that are continued by further requests.

The environment does not decide which service is asked: never Vertex AI, and no key but the one that is given. No
system prompt is sent but one that the caller has in front of its messages, and safety settings stay as the service
has them: what a filter takes is a result, told by `finish`.
"""

from __future__ import annotations

import re
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from handful.models.api import wire
from handful.models.api.provider import (
    Completion,
    Failure,
    Provider,
    Request,
    Server,
    kind_of,
    retry_after,
    without,
)

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
FINISHES = {"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length"}
FILTERS = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR")
ROLES = {"user": "user", "assistant": "model"}
VERSION = re.compile(r"/(v\d\w*)/?$")
"""At the end of a base_url: the version of the API."""
DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
BAD_KEY = "API_KEY_INVALID"
SEEDS = 2**31


def connect(server: Server, key: str) -> Provider:
    return Gemini(server.base_url, key, server.timeout_seconds)


class Gemini:
    """One server, asked by many threads."""

    def __init__(self, base_url: str, key: str, seconds: float) -> None:
        self.key = key
        version = VERSION.search(base_url)
        self.http = httpx2.Client(
            event_hooks=wire.hooks(httpx2, seconds), headers=wire.HEADERS, timeout=seconds
        )
        options = types.HttpOptions(
            base_url=(base_url[: version.start()] if version else base_url) or None,
            api_version=version[1] if version else None,
            timeout=max(1, round(seconds * 1000)),
            httpx_client=self.http,
        )
        self.client = genai.Client(api_key=key or "none", vertexai=False, http_options=options)

    def ask(self, request: Request) -> Completion:
        asked: Any = contents(request)
        settings = config(request)
        try:
            answer = self.client.models.generate_content(model=request.model, contents=asked, config=settings)
        except errors.APIError as error:
            raise failure_of(error, self.key) from None
        except httpx2.TimeoutException as error:
            raise Failure("timed out", "passing", sent=not isinstance(error, NOT_SENT)) from None
        except httpx2.HTTPError as error:
            told = without(self.key, f"{type(error).__name__}: {error}")
            raise Failure(told, "passing", sent=not isinstance(error, NOT_SENT)) from None
        except (ValueError, TypeError, AttributeError, KeyError) as error:  # no JSON, or of another shape
            told = without(self.key, f"the server's answer cannot be read: {error}")
            raise Failure(told, "passing", status=200) from None
        return read(answer)

    def close(self) -> None:
        self.http.close()


def contents(request: Request) -> list[types.Content]:
    return [
        types.Content(role=ROLES[message["role"]], parts=[types.Part(text=message["content"])])
        for message in request.messages
        if message["role"] != "system"
    ]


def config(request: Request) -> types.GenerateContentConfig:
    sampling = request.sampling
    system = [message["content"] for message in request.messages if message["role"] == "system"]
    stop, seed = sampling.get("stop"), sampling.get("seed")
    held = request.schema is not None and request.rung != "text"
    return types.GenerateContentConfig(
        system_instruction="\n\n".join(system) or None,
        temperature=sampling.get("temperature"),
        top_p=sampling.get("top_p"),
        max_output_tokens=sampling.get("max_tokens"),
        stop_sequences=[stop] if isinstance(stop, str) else stop,
        seed=None if seed is None else seed % SEEDS,
        response_mime_type="application/json" if held else None,
        response_json_schema=dict(request.schema) if held and request.rung == "json_schema" else None,  # type: ignore[arg-type]
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        automatic_continuation=False,  # it would send, and pay for, any number of requests
    )


def read(answer: types.GenerateContentResponse) -> Completion:
    """What an answer says: its first candidate's text without thoughts. One that a filter took is told as such."""
    usage = answer.usage_metadata or types.GenerateContentResponseUsageMetadata()
    text, finish = "", ""
    if answer.candidates:
        candidate = answer.candidates[0]
        parts = (candidate.content and candidate.content.parts) or []
        text = "".join(part.text or "" for part in parts if not part.thought)
        reason = str(candidate.finish_reason.value) if candidate.finish_reason else ""
        finish = "content_filter" if reason in FILTERS else FINISHES.get(reason, reason.lower())
    elif answer.prompt_feedback and answer.prompt_feedback.block_reason:
        finish = "content_filter"
    else:
        raise Failure("the server's answer holds no candidates", "passing", status=200)
    return Completion(
        text=text,
        finish=finish,
        input_tokens=usage.prompt_token_count or 0,
        output_tokens=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        model=answer.model_version or "",
    )


def failure_of(error: errors.APIError, key: str) -> Failure:
    kind = kind_of(error.code)
    if error.code == 400 and BAD_KEY in str(error):
        kind = "fatal"
    headers: Any = getattr(error.response, "headers", None) or {}
    after = retry_after(headers.get("retry-after"))
    told = without(key, f"{error.code} {error.status or ''}: {error.message or error.details}")
    return Failure(
        told, kind, status=error.code, retry_after=delay(error.details) if after is None else after
    )


def delay(details: Any) -> float | None:
    """Seconds to wait, where an error's details have {"@type": "…RetryInfo", "retryDelay": "34s"}; None elsewhere."""
    found = details.get("error", details) if isinstance(details, dict) else {}
    infos = found.get("details") if isinstance(found, dict) else None
    for info in infos if isinstance(infos, list) else ():
        told = DELAY.fullmatch(str(info.get("retryDelay"))) if isinstance(info, dict) else None
        if told:
            return float(told[1])
    return None
