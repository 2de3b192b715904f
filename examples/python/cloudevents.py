"""Waypost events as CloudEvents, both ways (docs/CLOUDEVENTS.md, sections 1 and 2)."""

import base64
import datetime

from waypost import kinds, uuid_text, wire


def stamp(ms):
    time = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def attributes(network, exact):
    """What the exact bytes of an event say of it."""
    header = wire.Event.FromString(exact).header
    name = kinds.Kind.Name(header.kind)[5:].lower() if header.kind in kinds.Kind.values() else f"kind-{header.kind}"
    return {
        "specversion": "1.0",
        "id": uuid_text(header.id),
        "source": f"waypost://{network}/{getattr(header, 'from')}",
        "type": f"waypost.{name}.v{header.schema}",
        "subject": uuid_text(header.transfer),
        "time": stamp(header.sent_ms),
        "waypostto": ",".join(to.code for to in header.to),
    }


def write(network, exact):
    return dict(attributes(network, exact), datacontenttype="application/json",
                data={"exact": base64.b64encode(exact).decode()})


def read(event, network=None):
    """The exact bytes of a CloudEvent, its attributes held against them; ValueError says which one differs."""
    exact = base64.b64decode(event["data"]["exact"], validate=True)
    source = event["source"]
    if not source.startswith("waypost://"):
        raise ValueError("source")
    for name, wanted in attributes(network or source.split("/")[2], exact).items():
        if event.get(name) != wanted:
            raise ValueError(name)
    return exact
