"""lakefm against a real Kafka broker, which this starts by itself (Java 17, Maven and kcat are needed; no Docker).

    TESTS=$PWD/tests LAKEFM=$PWD/build/lakefm python3 tests/cluster/kafka.py quick|long|all|PART_OF_A_NAME...

Run it in an empty folder. The seed of the random moments is printed; TEST_SEED repeats a run. The numbers in the tests'
descriptions are those of the fault table in docs/kafka.md."""
import sys

import lib_kafka_faults  # noqa: F401: they register their cases
import lib_kafka_records  # noqa: F401
import lib_kafka_service  # noqa: F401
from lib_kafka import Broker, kill_all, run_cases

broker = Broker()
try:
    well = run_cases(broker, sys.argv[1:] or ["all"])
finally:
    kill_all()
    broker.close()
sys.exit(0 if well else 1)
