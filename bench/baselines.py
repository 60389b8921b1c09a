"""The recorded figures that a change is compared with: bench/baselines.txt, a name and a number on each line."""

from support import ROOT

FILE = ROOT / "bench" / "baselines.txt"
# What may be lost to chance or to another version of a compiler; more is a finding.
TOLERANCE = 0.03


def add_options(parser):
    parser.add_argument("--check", action="store_true", help="fail where a figure is more than 3 %% over bench/baselines.txt")
    parser.add_argument("--record", action="store_true", help="write the figures into bench/baselines.txt")


def read():
    """The recorded figures, and the comment lines before them."""
    figures, comments = {}, []
    if FILE.exists():
        for line in FILE.read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                comments.append(line)
            elif line.strip():
                name, number = line.split()
                figures[name] = float(number)
    return figures, comments


def record(figures):
    """Only what was measured is written anew: a machine without io_uring keeps the figures of another one."""
    recorded, comments = read()
    recorded |= figures
    lines = comments + [f"{name:<36} {recorded[name]:>12.4f}" for name in sorted(recorded)]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def finish(options, figures, details=None):
    """Prints the table and does what the options ask; the exit status."""
    recorded, _ = read()
    worse = []
    print(f"{'figure':<36} {'now':>12} {'recorded':>12} {'change':>9}")
    for name, number in figures.items():
        before = recorded.get(name)
        change = "" if not before else f"{(number / before - 1) * 100:+8.2f}%"
        print(f"{name:<36} {number:>12.4f} {'-' if before is None else f'{before:.4f}':>12} {change:>9}")
        if details and name in details:
            print("    " + ", ".join(f"{call} {count}" for call, count in details[name].items() if count))
        if before is not None and number > before * (1 + TOLERANCE) + 0.0005:
            worse.append(f"{name}: {number:.4f}, recorded {before:.4f}, {(number / before - 1) * 100 if before else 100:+.1f} %")
    if options.record:
        record(figures)
        print(f"recorded in {FILE.relative_to(ROOT)}")
    if options.check:
        for line in worse:
            print(f"WORSE than recorded: {line}")
        missing = [name for name in figures if name not in recorded]
        if missing:
            print("not recorded yet (--record writes them): " + ", ".join(missing))
        return int(bool(worse or missing) and not options.record)
    return 0
