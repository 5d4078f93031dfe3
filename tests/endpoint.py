"""An endpoint on loopback that speaks OpenAI's chat completions and answers by what it is shown,
or misbehaves as a test says."""

import json
import time
from base64 import b64decode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NONE = "no prompt holds this"
ERROR_PAGE = "<html><body>502 Bad Gateway</body></html>"


class Endpoint(ThreadingHTTPServer):
    """Speaks OpenAI's chat completions, and says what it is to say in words of the passage."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.prompts: list[str] = []
        self.invents = False
        self.refused = NONE
        """What a prompt holds that is not answered."""
        self.sees: Callable[[bytes, int], str] = lambda image, seed: ""
        """What is said of an image, in its bytes and by the request's seed."""
        self.broken = NONE
        """What a prompt holds that is answered with an error page, and status 200."""
        self.slow = NONE
        """What a prompt holds that is answered after a second."""
        self.declines = False
        self.truncates = False
        self.another_model_after = 10**9
        """Answers after which another model gives them."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = body["messages"][-1]["content"]
        prompt = content if isinstance(content, str) else content[1]["text"]
        self.server.prompts.append(prompt)
        if prompt is not content:
            text = self.server.sees(_image(content[0]), body["seed"])
        else:
            text = "something that no passage says" if self.server.invents else completion(prompt)
        if self.server.declines:
            text = "I'm sorry, but I can't assist with that."
        if self.server.slow in prompt:
            time.sleep(1)
        answer = {
            "model": "m" if len(self.server.prompts) <= self.server.another_model_after else "n",
            "choices": [
                {
                    "message": {"content": text},
                    "finish_reason": "length" if self.server.truncates else "stop",
                }
            ],
            "usage": {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4},
        }
        reply = (ERROR_PAGE if self.server.broken in prompt else json.dumps(answer)).encode()
        self.send_response(422 if self.server.refused in prompt else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None: ...


def _image(part: dict[str, object]) -> bytes:
    """The image of a part of a message, which has what the protocol wants and nothing else."""
    assert part.keys() == {"type", "image_url"}
    assert part["type"] == "image_url"
    head, _, data = part["image_url"]["url"].partition(",")  # type: ignore[index]
    assert head == "data:image/png;base64"
    return b64decode(data, validate=True)


def completion(prompt: str) -> str:
    """A question about long words of the passage, or the passage in another order; as a judge, a
    score by the text's length, and always the text that is shown first."""
    if prompt.endswith("Better:"):
        return " A"
    if prompt.endswith("Score:"):
        text = prompt.rpartition("Text:")[2].partition("\nCriterion:")[0]
        return (" 2", " 4", " It has its merits.")[len(text) % 3]
    passage = prompt.rpartition("Passage:")[2].rpartition("\n")[0].split()
    if prompt.endswith("Rephrased:"):
        turned = [" ".join(passage[at : at + 3]) for at in range(0, len(passage), 3)][::-1]
        return " ".join(turned) + "."
    long = sorted(passage, key=len)[-5:-1]
    return f" Which of {' '.join(long)} is meant?\nAnswer: {' '.join(passage[:3])}"
