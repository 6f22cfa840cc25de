"""Map: the places that conflict-policy stories name, drawn without a tile from the network."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, geomap
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import geomap as maps
from grafana_foundation_sdk.models.dashboard import Dashboard

from boards.parts import (
    DAYS,
    OF_DAYS,
    SAFE_URL,
    SOURCE,
    Asked,
    Panel,
    among,
    board,
    counted_as,
    is_all,
    is_one,
    one_of,
    rows,
)
from boards.shared import actors

_FILTERS = ("source", "language", "act", "actor")
_BY_ACT = f"{counted_as('act')} AND {counted_as('actor')} AND {one_of('language')}"
_ANY = is_all("act", "actor")


def _places(columns: str, condition: str = "true", end: str = "") -> str:
    """The places of the stories that the filters leave, in two halves of which one is empty, each with its `end`.

    Without a source those under an act and actor are looked up one by one: OFFSET 0 keeps PostgreSQL from reading all.
    """
    return f"""(
        SELECT {columns} FROM policy_places AS named
        WHERE {condition} AND (NOT ({is_all("source")}) OR {_ANY}) AND {OF_DAYS} AND {one_of("source")}
            AND {among("act", "acts")} AND {among("actor", "actors")}
        {end}
    )
    UNION ALL
    (
        SELECT {columns} FROM (
            SELECT DISTINCT story_id FROM stories_by_act
            WHERE {condition} AND {is_all("source")} AND NOT ({_ANY}) AND {_BY_ACT}
        ) AS chosen
        CROSS JOIN LATERAL (
            SELECT day, stored_at, story_id, place, country, lat, lon FROM policy_places
            WHERE policy_places.story_id = chosen.story_id AND {DAYS} OFFSET 0
        ) AS named
        {end}
    )"""


# Where neither source nor actor is chosen, and one act at most, the days' counts answer, else the stories themselves.
_COUNTED = f"{is_all('source', 'actor')} AND {is_one('act')}"
_LANGUAGE = f"CASE WHEN {is_all('language')} THEN language = '' ELSE {one_of('language')} END"
_OF_COUNTS = f"{_COUNTED} AND {counted_as('act')} AND {_LANGUAGE} AND {DAYS}"
PLACES = f"""
SELECT place, country, lat, lon, CAST(sum(stories) AS bigint) AS stories, max(day) AS newest_day FROM (
    SELECT day, place, country, lat, lon, stories FROM places_daily WHERE {_OF_COUNTS} AND place <> ''
    UNION ALL
    {_places("day, place, country, lat, lon, 1", f"NOT ({_COUNTED})")}
) AS counted
GROUP BY place, country, lat, lon ORDER BY stories DESC, place LIMIT 500"""
# A row without a place has the stories that name any place of the state.
_COUNTRIES = f"""
SELECT country, CAST(sum(stories) AS bigint) AS stories, CAST(sum(places) AS bigint) AS places FROM (
    SELECT country, sum(CASE WHEN place = '' THEN stories ELSE 0 END) AS stories,
        count(DISTINCT nullif(place, '')) AS places
    FROM places_daily WHERE {_OF_COUNTS}
    GROUP BY country
    UNION ALL
    SELECT country, count(DISTINCT story_id), count(DISTINCT place)
    FROM ({_places("country, named.story_id, place", f"NOT ({_COUNTED})")}) AS of_stories
    GROUP BY country
) AS counted
GROUP BY country ORDER BY stories DESC, country LIMIT 60"""
_LAST = "ORDER BY named.stored_at DESC, named.story_id DESC, place LIMIT 50"
_NEWEST = f"""
WITH newest AS (
    {_places("named.stored_at, named.story_id, place, country", end=_LAST)}
)
SELECT newest.stored_at, place, country, title, source, {SAFE_URL}
FROM newest JOIN story_details ON story_details.story_id = newest.story_id
ORDER BY newest.stored_at DESC, newest.story_id DESC, place"""
# The outlines of states are a file of Grafana itself; a base map of tiles would ask a server elsewhere.
_OUTLINES = {
    "src": "public/maps/countries.geojson",
    "rules": [],
    "style": {"color": {"fixed": "rgb(90, 96, 110)"}, "opacity": 0.25, "lineWidth": 1},
}
_MARKS = {
    "showLegend": False,
    "style": {
        "color": {"fixed": "semi-dark-orange"},
        "opacity": 0.6,
        "size": {"field": "stories", "fixed": 5, "min": 4, "max": 24},
        "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
    },
}


def _map() -> Panel:
    outlines = common.MapLayerOptions().type("geojson").name("States").config(_OUTLINES).tooltip(False)
    where = common.FrameGeometrySource().mode(kinds.FrameGeometrySourceMode.COORDS).latitude("lat").longitude("lon")
    marks = common.MapLayerOptions().type("markers").name("Places").config(_MARKS).location(where).tooltip(True)
    panel = geomap.Panel().title("Places that stories name").span(24).height(16).datasource(SOURCE)
    panel = panel.with_target(Asked(PLACES)).basemap(outlines).layers([marks])
    view = geomap.MapViewConfig().id(maps.MapCenterID.COORDS).lat(30).lon(20).zoom(2).all_layers(True)
    controls = geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False).show_attribution(False)
    return panel.view(view).controls(controls).tooltip(geomap.TooltipOptions().mode(maps.TooltipMode.DETAILS))


def world() -> Dashboard:
    """By day of publication."""
    panels = [
        _map(),
        actors(20),
        rows("States by their places", _COUNTRIES, span=12, height=10),
        rows("Newest places", _NEWEST, links={"title": "url"}),
    ]
    about = "Where conflict-policy stories are about, by day of publication."
    return board("map", "map", about, panels, _FILTERS, "now-30d")
