"""Page views of a web shop, one JSON object a line, as the package `fake-web-events` makes them.

Values come as strings, numbers too, but `device_is_mobile`. Columns with accepted values are those of which the shop's tracker knows a closed
list; pages and campaigns come and go.
"""

from event_platform.sources.contract import Column, Rule, Source, Subject

SOURCE = Source(
    name="storefront",
    title="Web shop page views",
    owner="team:storefront",
    event_id="event_id",
    timestamp="event_timestamp",
    kind=("event_type",),
    columns=(
        Column("event_id", "string", "Identifies the page view", nullable=False),
        Column("event_timestamp", "timestamp", "When the page was opened (UTC)", nullable=False),
        Column("event_type", "string", "What happened", nullable=False, accepted=("pageview",)),
        Column("page_url", "string", "Full address of the page"),
        Column("page_url_path", "string", "Path of the page: /home, /product_a, …; /confirmation is a sale", nullable=False),
        Column("cookie_id", "string", "Cookie that tells one visitor from another", nullable=False, personal=True, field="user_domain_id"),
        Column("user_custom_id", "string", "E-mail address of the visitor", personal=True),
        Column("click_id", "string", "Identifies the click on the advertisement"),
        Column("utm_source", "string", "Who sent the visitor: google, facebook, …"),
        Column("utm_medium", "string", "By what means: cpc, organic, …"),
        Column("utm_campaign", "string", "Campaign of the link"),
        Column("utm_content", "string", "Advertisement of the link"),
        Column("referer_url", "string", "Site that linked here"),
        Column("referer_url_scheme", "string", "Its scheme: http or https", accepted=("http", "https")),
        Column("referer_url_port", "long", "Its port", written="text"),
        Column("referer_medium", "string", "Whether it is a search engine", accepted=("search", "internal")),
        Column("geo_latitude", "double", "Where the address of the visitor is, degrees north", personal=True, written="text"),
        Column("geo_longitude", "double", "Where the address of the visitor is, degrees east", personal=True, written="text"),
        Column("geo_country", "string", "Country, two letters (ISO 3166)"),
        Column("geo_region_name", "string", "Place or region"),
        Column("geo_timezone", "string", "Time zone there (IANA)"),
        Column("ip_address", "string", "Address of the visitor", personal=True),
        Column("browser_name", "string", "Browser", accepted=("Chrome", "Firefox", "InternetExplorer", "Opera", "Safari")),
        Column("browser_user_agent", "string", "How the browser names itself"),
        Column("browser_language", "string", "Locale of the browser"),
        Column("os", "string", "Operating system with its version"),
        Column("os_name", "string", "Operating system", accepted=("Android", "Linux", "MacOS", "Windows", "iOS")),
        Column("os_timezone", "string", "Time zone the device is set to (IANA)"),
        Column("device_type", "string", "Kind of device", accepted=("Computer", "Mobile")),
        Column("device_is_mobile", "boolean", "Whether it is a mobile device"),
    ),
    rules=(Rule("a place that is not on Earth", "abs(geo_latitude) > 90 OR abs(geo_longitude) > 180"),),
    subjects=(Subject("cookie_id", ("cookie_id",)), Subject("email", ("user_custom_id",))),
)
