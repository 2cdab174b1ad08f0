# SPDX-License-Identifier: Apache-2.0
"""policy_tables.py -- reads the tables of spec/policy.md, and makes facts that each row decides."""
import itertools
import re

BOOLEANS = ("session_open", "session_private", "acl_fresh", "acl_source_right", "miner_listed", "lease_current", "key_version_usable",
            "key_version_recent", "router_sealed_allowed", "session_key", "session_keys_allowed", "bearer_reads", "stream",
            "attestation_required", "attested")
ROUTES = ("plain", "router-sealed", "caller-sealed")
ACTORS = ("none", "bearer-other", "bearer-owner", "wallet-other", "owner", "admin", "miner")
ACTIONS = ("submit", "claim", "issue-input", "issue-result", "accept", "read", "administer")
PER_RULE = 15


def rows(text, heading):
    """(id, rule, actions, condition) of the table under a heading."""
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in re.findall(r"^\| (POL-\d+) \|(.*)\|$", section, re.M):
        cells = [cell.strip() for cell in line[1].split("|")]
        yield line[0], cells[0], cells[1].split(", "), cells[2]


def holds(condition, facts):
    for term in condition.split(" and "):
        negated = term.startswith("not ")
        term = term.removeprefix("not ")
        choice = re.fullmatch(r"(actor|route) in \{(.*)\}", term)
        value = facts[choice[1]] in choice[2].split(", ") if choice else facts[term]
        if value == negated:
            return False
    return True


def decide(tables, facts):
    """(id, rule) of the first denial; None: allowed."""
    for row, rule, actions, condition in tables["Deny"]:
        if facts["action"] in actions and holds(condition, facts):
            return row, rule
    for _, _, actions, condition in tables["Allow"]:
        if facts["action"] in actions and holds(condition, facts):
            return None
    return "POL-3", "unknown-action"


def well(action, actor, route, private):
    """Facts with nothing wrong but, perhaps, who asks for what."""
    facts = {"action": action, "actor": actor, "route": route, **dict.fromkeys(BOOLEANS, True)}
    facts.update(session_private=private, session_key=False, stream=False, attestation_required=False)
    return facts


def candidates():
    """Those, and each with one or two booleans turned."""
    for action, actor, route, private in itertools.product(ACTIONS, ACTORS, ROUTES, (True, False)):
        facts = well(action, actor, route, private)
        yield facts
        for turned in itertools.chain(itertools.combinations(BOOLEANS, 1), itertools.combinations(BOOLEANS, 2)):
            yield {**facts, **{name: not facts[name] for name in turned}}


def cases(path):
    """(facts, None or (id, rule)): up to PER_RULE of each row, and as many that are allowed for each action."""
    text = path.read_text(encoding="utf-8")
    tables = {heading: list(rows(text, heading)) for heading in ("Deny", "Allow")}
    found = {}
    for facts in candidates():
        rule = decide(tables, facts)
        of = found.setdefault(rule[1] if rule else facts["action"], [])
        if len(of) < PER_RULE and all(known != facts for known, _ in of):
            seen = {known["action"] + known["actor"] + (r[0] if r else "") for known, r in of}
            if facts["action"] + facts["actor"] + (rule[0] if rule else "") not in seen:
                of.append((facts, rule))
    for of in found.values():
        yield from of


def contested(path):
    """Facts to which several rules of the deny table apply, and the one that is reported: the first."""
    text = path.read_text(encoding="utf-8")
    tables = {heading: list(rows(text, heading)) for heading in ("Deny", "Allow")}
    seen, firsts = set(), {}
    for facts in candidates():
        applying = tuple(dict.fromkeys(rule for _, rule, actions, condition in tables["Deny"]
                                       if facts["action"] in actions and holds(condition, facts)))
        if len(applying) < 2 or applying in seen or len(seen) == PER_RULE or firsts.get(applying[0], 0) == 2:
            continue
        seen.add(applying)
        firsts[applying[0]] = firsts.get(applying[0], 0) + 1
        yield facts, decide(tables, facts)
