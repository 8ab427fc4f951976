"""Whether documents are where a batch would look for them."""

from quart import Blueprint, Response, request

from api.parts import present
from api.problems import Problem
from api.results import answer
from protocol.checks import CheckedPaths, PathToCheck, read_paths

routes = Blueprint("paths", __name__)


@routes.post("/api/batch/validate-paths")
async def validate() -> Response:
    """Look whether documents can be fetched and begin like PDFs, before they are a batch."""
    caller = present().door.admit_request(request)
    if not request.is_json:
        raise Problem(415, "The body must be JSON: Content-Type: application/json.")
    body = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    asked = read_paths(body, present().settings.max_paths)
    looks = await present().looks.look_at(caller.subject, [each for each in asked if isinstance(each, PathToCheck)])
    seen = iter(looks)
    results = [next(seen) if isinstance(each, PathToCheck) else each for each in asked]
    valid = sum(each.valid for each in results)
    return answer(
        CheckedPaths(results=results, total=len(results), valid_count=valid, invalid_count=len(results) - valid)
    )
