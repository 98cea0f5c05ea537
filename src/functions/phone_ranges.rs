//! Phone numbers that countries set aside for fiction: nobody has them, and nobody gets them.
//!
//! North America's, 555-0100 to 555-0199 in every area, are in `phone`.

/// A country's numbers for fiction.
pub struct Country {
    /// Its codes in ISO 3166-1.
    pub name: &'static str,
    /// Its calling code.
    pub code: &'static str,
    /// Where a national number begins so, the numbers or beginnings of numbers that replace it. The first counts; the
    /// national number is without the 0 that is dialled before it.
    ranges: &'static [(&'static str, &'static [&'static str])],
}

impl Country {
    /// The numbers, or what they begin with, that replace the `national` number, none of them longer.
    pub fn replacements(
        &self,
        national: &[u8],
    ) -> Option<impl Iterator<Item = &'static str> + Clone + use<>> {
        let len = national.len();
        let range = self.ranges.iter().find(|(start, _)| national.starts_with(start.as_bytes()));
        let fitting =
            range.map(|(_, numbers)| numbers.iter().copied().filter(move |number| number.len() <= len));
        fitting.filter(|numbers| numbers.clone().next().is_some())
    }
}

/// The country of that name.
pub fn named(name: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.name == name)
}

/// The country whose calling code `digits` begin with.
pub fn called(digits: &[u8]) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| digits.starts_with(country.code.as_bytes()))
}

static COUNTRIES: &[Country] = &[
    Country { name: "AU", code: "61", ranges: AUSTRALIA },
    Country { name: "DE", code: "49", ranges: GERMANY },
    Country { name: "FR", code: "33", ranges: FRANCE },
    Country { name: "GB", code: "44", ranges: UNITED_KINGDOM },
    Country { name: "IE", code: "353", ranges: IRELAND },
    Country { name: "SE", code: "46", ranges: SWEDEN },
];

/// ACMA, "Phone numbers for use in TV shows, films and creative works".
static AUSTRALIA: &[(&str, &[&str])] = &[
    ("2", &["25550", "27010"]),
    ("3", &["35550", "37010"]),
    ("7", &["75550", "77010"]),
    ("8", &["85550", "87010"]),
    (
        "4",
        &[
            "491570006",
            "491570110",
            "491570156",
            "491570157",
            "491570158",
            "491570159",
            "491570313",
            "491570737",
            "491571266",
            "491571491",
            "491571804",
            "491572549",
            "491572665",
            "491572983",
            "491573087",
            "491573770",
            "491574118",
            "491574632",
            "491575254",
            "491575789",
            "491576398",
            "491576801",
            "491577426",
            "491577644",
            "491578148",
            "491578888",
            "491578957",
            "491579212",
            "491579455",
            "491579760",
        ],
    ),
    ("1", &["1800160401", "1800975707", "1800975708", "1800975709", "1800975710", "1800975711"]),
];

/// Bundesnetzagentur, Mitteilung 148/2021, "Rufnummern für Medienproduktionen".
static GERMANY: &[(&str, &[&str])] = &[
    ("15", GERMAN_MOBILE),
    ("16", GERMAN_MOBILE),
    ("17", GERMAN_MOBILE),
    ("30", &["3023125"]),
    ("40", &["4066969"]),
    ("69", &["6990009"]),
    ("89", &["8999998"]),
    ("221", &["2214710"]),
    ("", &["3023125", "4066969", "6990009", "8999998", "2214710"]),
];

static GERMAN_MOBILE: &[&str] = &[
    "15228817386",
    "15228895456",
    "15254599371",
    "17139200",
    "1729925904",
    "1729968532",
    "1729973185",
    "1729973186",
    "1729980752",
    "1749091317",
    "1749464308",
    "176040690",
];

/// ARCEP, décision 2018-0881, section 2.5.12, "numéros à utiliser dans les œuvres audiovisuelles".
static FRANCE: &[(&str, &[&str])] = &[
    ("1", &["19900"]),
    ("2", &["26191"]),
    ("3", &["35301"]),
    ("4", &["46571"]),
    ("5", &["53649"]),
    ("6", &["63998"]),
    ("7", &["63998"]),
];

/// Ofcom, "Telephone numbers for use in TV and radio drama programmes".
static UNITED_KINGDOM: &[(&str, &[&str])] = &[
    ("113", &["1134960"]),
    ("114", &["1144960"]),
    ("115", &["1154960"]),
    ("116", &["1164960"]),
    ("117", &["1174960"]),
    ("118", &["1184960"]),
    ("121", &["1214960"]),
    ("131", &["1314960"]),
    ("141", &["1414960"]),
    ("151", &["1514960"]),
    ("161", &["1614960"]),
    ("191", &["1914980"]),
    ("20", &["2079460"]),
    ("28", &["2896496"]),
    ("29", &["2920180"]),
    ("3", &["3069990"]),
    ("7", &["7700900"]),
    ("8", &["8081570"]),
    ("9", &["9098790"]),
    ("", &["1632960"]),
];

/// ComReg, National Numbering Conventions: 020 91x xxxx.
static IRELAND: &[(&str, &[&str])] = &[("", &["2091"])];

/// PTS, "Telefonnummer för användning i böcker och filmer".
static SWEDEN: &[(&str, &[&str])] = &[
    (
        "7",
        &[
            "70174061", "70174062", "70174063", "70174064", "70174065", "70174066", "70174067", "70174068",
            "70174069",
        ],
    ),
    ("8", &["8465004"]),
    ("40", &["4062804"]),
    ("980", &["9803192"]),
    ("", &["3139006"]),
];
