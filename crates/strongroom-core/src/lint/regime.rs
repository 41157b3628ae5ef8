//! For how long a regime asks records to be kept: the number and the clause, and nothing else of it.

use crate::record_period::{
    FIVE_YEARS, RecordPeriod, SEVEN_YEARS, SIX_MONTHS, SIX_YEARS, TEN_YEARS, THREE_YEARS,
    TWELVE_MONTHS,
};

/// One period, by the clause that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Regime {
    /// Its name on the command line.
    pub name: &'static str,
    /// The days; years and months at their longest.
    pub days: u32,
    /// The clause.
    pub clause: &'static str,
    /// What the clause says, in words.
    pub period: &'static str,
}

/// Every regime that is known by name. Whether one applies to a record is not for a program to say.
pub const REGIMES: [Regime; 10] = [
    of("sec-17a-4", SIX_YEARS, "17 CFR 240.17a-4(a)", "six years, the first two easily accessible"),
    of(
        "sec-17a-4-b",
        THREE_YEARS,
        "17 CFR 240.17a-4(b)",
        "three years, the first two easily accessible",
    ),
    of(
        "finra-4511",
        SIX_YEARS,
        "FINRA Rule 4511(b)",
        "six years where no other period is specified",
    ),
    of("cftc-1.31", FIVE_YEARS, "17 CFR 1.31(b)(3)", "five years from the creation of the record"),
    of(
        "eu-ai-act-18",
        TEN_YEARS,
        "Regulation (EU) 2024/1689, Article 18(1)",
        "documentation of a high-risk system: ten years",
    ),
    of(
        "eu-ai-act-19",
        SIX_MONTHS,
        "Regulation (EU) 2024/1689, Article 19(1)",
        "logs, by providers: at least six months",
    ),
    of(
        "eu-ai-act-26",
        SIX_MONTHS,
        "Regulation (EU) 2024/1689, Article 26(6)",
        "logs, by deployers: at least six months",
    ),
    of("hipaa", SIX_YEARS, "45 CFR 164.316(b)(2)(i)", "documentation: six years"),
    of("sox", SEVEN_YEARS, "17 CFR 210.2-06(a)", "audit records: seven years"),
    of(
        "pci-dss-10",
        TWELVE_MONTHS,
        "PCI DSS v4.0.1, requirement 10.5.1",
        "audit logs: twelve months",
    ),
];

const fn of(
    name: &'static str,
    length: RecordPeriod,
    clause: &'static str,
    period: &'static str,
) -> Regime {
    Regime { name, days: length.days, clause, period }
}

impl Regime {
    /// The regime of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        REGIMES.iter().find(|regime| regime.name == name)
    }
}
