"""Free slots as a text calendar: a row for each day, its free starts grouped by hour. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table
from rich.text import Text


def render_availability(starts: Sequence[datetime], zone: str) -> Table | Text:
    """The starts by day and hour, as clocks in the zone show them."""
    if not starts:
        return Text("nothing is free")
    days: dict[date, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for start in starts:
        local = start.astimezone(ZoneInfo(zone))
        days[local.date()][local.hour].append(f":{local.minute:02d}")
    hours = sorted({hour for day in days.values() for hour in day})
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"free, {zone}")
    table.add_column("day", no_wrap=True)
    for hour in hours:
        table.add_column(f"{hour:02d}", overflow="fold")
    for day, free in sorted(days.items()):
        cells = [" ".join(free.get(hour, ())) or "·" for hour in hours]
        table.add_row(f"{day:%a %Y-%m-%d}", *cells)
    return table
