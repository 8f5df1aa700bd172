"""What is changed of a request before it is sent."""

import uuid

import schemathesis

NAME = "Idempotency-Key"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives requests names of their own. Made-up ones come again, and then the server rightly shows what the first of that
    name has done, whatever is in the second. Names that are wrong stay so."""
    name = (case.headers or {}).get(NAME)
    if isinstance(name, str) and 0 < len(name) < 200 and all("!" <= letter <= "~" for letter in name):
        case.headers[NAME] = f"{name}-{uuid.uuid4()}"
