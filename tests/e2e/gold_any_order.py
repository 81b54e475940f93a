"""The sample's files in any order, split in any way, twice over and with kills in between: byte-identical gold. The seed is
printed; TEST_SEED repeats a run."""
import os
import random
import subprocess
import time

from lib_gold import LAKEFM, TOPICS, audit, expect_golden, gold, run, sample

seed = int(os.environ.get("TEST_SEED", time.time_ns() % 1000000))
print("seed", seed)
dice = random.Random(seed)


def pieces(topic, count):
    """The file's lines dealt out to `count` files: neighbours or at random."""
    lines = sample(topic).splitlines(keepends=True)
    if dice.random() < 0.5:
        cuts = sorted(dice.sample(range(1, len(lines)), count - 1))
        return [b"".join(lines[a:b]) for a, b in zip([0, *cuts], [*cuts, len(lines)])]
    dealt = [[] for _ in range(count)]
    for line in lines:
        dealt[dice.randrange(count)].append(line)
    return [b"".join(d) for d in dealt]


def killed(lake, *words):
    """Runs the command, kills it at a random moment, then runs it to its end."""
    child = subprocess.Popen([LAKEFM, "--lake", lake, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(dice.random() * 0.25)
    child.kill()
    child.wait()
    run(lake, *words)


reference = None
for trial in range(3):
    lake = f"lake{trial}"
    files = []
    for topic in TOPICS:
        for i, content in enumerate(pieces(topic, dice.randint(2, 5))):
            os.makedirs(f"in{trial}/{i}", exist_ok=True)
            path = f"in{trial}/{i}/{topic}.json"
            with open(path, "wb") as f:
                f.write(content)
            files.append(path)
    order = files + files
    dice.shuffle(order)
    refined = False
    for path in order:
        (killed if dice.random() < 0.3 else run)(lake, "ingest", path)
        if dice.random() < 0.3:
            (killed if dice.random() < 0.5 else run)(lake, "refine")
            refined = True
        if refined and dice.random() < 0.15:
            (killed if dice.random() < 0.5 else run)(lake, "build")
    killed(lake, "refine")
    killed(lake, "build")
    audit(lake)
    expect_golden(lake)
    if reference is None:
        reference = gold(lake)
    assert gold(lake) == reference, f"trial {trial} differs"
