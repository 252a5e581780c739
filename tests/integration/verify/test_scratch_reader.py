import collections, importlib.util, pathlib, pytest
from smartstore.contracts import topics as contract
from smartstore.verify import topics as T
from smartstore.verify.serving_lag import SERVED
from smartstore.verify.expectations import OUTPUTS
spec = importlib.util.spec_from_file_location("tv", pathlib.Path(__file__).with_name("test_verify.py"))
tv = importlib.util.module_from_spec(spec); spec.loader.exec_module(tv)
pytestmark = pytest.mark.integration

def test_reader(tmp_path, bootstrap, topic_prefix, database):
    tv.Estate(tmp_path, bootstrap, topic_prefix, database)
    want = {}
    log = collections.Counter()
    for poll in (0.05, 1.0):
        T.POLL_SECONDS = poll
        for run in range(40 if poll < 1 else 4):
            t = T.Topics(bootstrap, topic_prefix)
            for topic in SERVED:
                t.last_records(topic)
            for topic in (*contract.LINES, *OUTPUTS):
                rng = t.ranges(topic)
                total = sum(r.high - r.low for r in rng.values())
                got = [(m.topic(), m.partition(), m.offset()) for b in t.read(topic) for m in b]
                own = [g for g in got if g[0] == topic_prefix + topic.name]
                log[poll, "reads"] += 1
                if len(own) != total or len(set(own)) != len(own) or len(own) != len(got):
                    log[poll, "BAD"] += 1
                    have = set(own)
                    miss = [(p, o) for p, r in rng.items() for o in range(r.low, r.high) if (topic_prefix + topic.name, p, o) not in have]
                    print("BAD", poll, run, topic.name, {p: (r.low, r.high) for p, r in rng.items()}, "missing", miss, "foreign", [g for g in got if g not in have][:5])
            t.close()
    tot = {t.name: sum(r.high for r in T.Topics(bootstrap, topic_prefix).ranges(t).values()) for t in OUTPUTS}
    print("TOTALS", tot); print("LOG", dict(log))
