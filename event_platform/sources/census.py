"""People of the 1994 census of the United States, as in the files Adult.data and Adult.test: one line a person, no header, no time.

The two files hold different people and write the last field differently (`<=50K` and `<=50K.`). Equal lines are different people who are alike.
"""

from event_platform.sources.contract import Column, Source
from event_platform.sources.formats import Csv

WORKCLASSES = ("Private", "Self-emp-not-inc", "Self-emp-inc", "Federal-gov", "Local-gov", "State-gov", "Without-pay", "Never-worked")
EDUCATIONS = (
    *("Preschool", "1st-4th", "5th-6th", "7th-8th", "9th", "10th", "11th", "12th", "HS-grad", "Some-college"),
    *("Assoc-voc", "Assoc-acdm", "Bachelors", "Masters", "Prof-school", "Doctorate"),
)
MARITAL_STATUSES = (
    *("Married-civ-spouse", "Divorced", "Never-married", "Separated", "Widowed", "Married-spouse-absent"),
    "Married-AF-spouse",
)
OCCUPATIONS = (
    *("Tech-support", "Craft-repair", "Other-service", "Sales", "Exec-managerial", "Prof-specialty", "Handlers-cleaners"),
    *("Machine-op-inspct", "Adm-clerical", "Farming-fishing", "Transport-moving", "Priv-house-serv", "Protective-serv", "Armed-Forces"),
)
RELATIONSHIPS = ("Wife", "Own-child", "Husband", "Not-in-family", "Other-relative", "Unmarried")
RACES = ("White", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other", "Black")
COUNTRIES = (
    *("United-States", "Cambodia", "England", "Puerto-Rico", "Canada", "Germany", "Outlying-US(Guam-USVI-etc)", "India", "Japan"),
    *("Greece", "South", "China", "Cuba", "Iran", "Honduras", "Philippines", "Italy", "Poland", "Jamaica", "Vietnam", "Mexico"),
    *("Portugal", "Ireland", "France", "Dominican-Republic", "Laos", "Ecuador", "Taiwan", "Haiti", "Columbia", "Hungary"),
    *("Guatemala", "Nicaragua", "Scotland", "Thailand", "Yugoslavia", "El-Salvador", "Trinadad&Tobago", "Peru", "Hong"),
    "Holand-Netherlands",
)
"""Spelled as the files spell them."""

FIELDS = (
    Column("age", "long", "Age in years", nullable=False),
    Column("workclass", "string", "Kind of employer; null when unknown", accepted=WORKCLASSES),
    Column("fnlwgt", "long", "Final weight: how many people the census believes this one stands for", nullable=False),
    Column("education", "string", "Highest level of education", nullable=False, accepted=EDUCATIONS),
    Column("education-num", "long", "The same as a number, 1 (Preschool) to 16 (Doctorate)", nullable=False),
    Column(
        "marital-status",
        "string",
        "-civ- is a civilian spouse, -AF- one in the armed forces",
        nullable=False,
        accepted=MARITAL_STATUSES,
    ),
    Column("occupation", "string", "Kind of work; null when unknown", accepted=OCCUPATIONS),
    Column("relationship", "string", "What the person is to others of the household", nullable=False, accepted=RELATIONSHIPS),
    Column("race", "string", "Race, in the census's words", nullable=False, accepted=RACES),
    Column("sex", "string", "Female or Male", nullable=False, accepted=("Female", "Male")),
    Column("capital-gain", "long", "Capital gains of the year, US dollars", nullable=False),
    Column("capital-loss", "long", "Capital losses of the year, US dollars", nullable=False),
    Column("hours-per-week", "long", "Hours worked per week", nullable=False),
    Column("native-country", "string", "Country of origin; null when unknown", accepted=COUNTRIES),
    Column("label", "string", "The class as the file writes it: with a final point in Adult.test", nullable=False),
)
"""The fields of a line, in their order."""

COMPUTED = (
    Column("class", "string", "More than 50,000 US dollars a year, or not", nullable=False, accepted=(">50K", "<=50K"), sql="rtrim(label, '.')"),
    Column(
        "part",
        "string",
        "Which file the person is in: training (Adult.data) or test (Adult.test)",
        nullable=False,
        sql="CASE WHEN file_name ILIKE '%.data%' THEN 'training' WHEN file_name ILIKE '%.test%' THEN 'test' END",
    ),
    Column("landed_at", "timestamp", "When the platform claimed the file (UTC)", nullable=False, sql="make_timestamptz(file_id)"),
    Column("person_id", "string", "Made of the part and all fields, and of how often they stood in the file before", nullable=False),
)

SOURCE = Source(
    name="census",
    title="Census income",
    owner="team:research",
    format=Csv(header=False, delimiter=",", null=("?",), comment="|"),
    columns=(*FIELDS, *COMPUTED),
    event_id="person_id",
    id_from=("part", *(column.name for column in FIELDS if column.name != "label"), "class"),
    timestamp="landed_at",
    kind=("part",),
)
