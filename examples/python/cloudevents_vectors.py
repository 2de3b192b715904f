#!/usr/bin/python3
"""Hold the mapping of cloudevents.py against data/vectors/cloudevents.json; exit 1 where it differs."""

import json
import os
import sys

import cloudevents

HERE = os.path.dirname(os.path.abspath(__file__))


def fails(vectors):
    for case in vectors["events"]:
        exact = bytes.fromhex(case["exact"])
        wanted = {name: value for name, value in case["cloudevent"].items() if name != "data"}
        made = cloudevents.write(vectors["network"], exact)
        if {name: value for name, value in made.items() if name != "data"} != wanted:
            yield f"{case['name']}: attributes differ"
        if cloudevents.read(case["cloudevent"]) != exact:
            yield f"{case['name']}: other bytes"
    for case in vectors["refused"]:
        try:
            cloudevents.read(case["cloudevent"])
            yield f"{case['name']}: was taken"
        except (ValueError, KeyError, IndexError, TypeError):
            pass


def main():
    with open(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "..", "data", "vectors", "cloudevents.json"),
              encoding="utf-8") as file:
        found = list(fails(json.load(file)))
    print("\n".join(found) or "all vectors hold")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
