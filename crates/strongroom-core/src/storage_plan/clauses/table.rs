//! What the rules say, in our words: a row a clause.

use crate::record_period::{FIVE_YEARS, RecordPeriod, SIX_MONTHS, SIX_YEARS, THREE_YEARS};

/// A clause.
pub(super) struct Clause {
    pub(super) id: &'static str,
    pub(super) citation: &'static str,
    pub(super) asks: &'static str,
    pub(super) source: &'static str,
    pub(super) demand: Demand,
}

/// What a clause asks of a store.
pub(super) enum Demand {
    /// Records that nobody can overwrite or erase before their time.
    Unerasable,
    /// Records that are kept for so long.
    For(RecordPeriod),
    /// Records that are at hand for as long as they are kept.
    AtHand,
    /// What no configuration shows, and why.
    Beyond(&'static str),
}

const SEC: &str = "https://www.ecfr.gov/current/title-17/section-240.17a-4";
const FINRA: &str = "https://www.finra.org/rules-guidance/rulebooks/finra-rules/4511";
const CFTC: &str = "https://www.ecfr.gov/current/title-17/section-1.31";
const AI_ACT: &str = "https://eur-lex.europa.eu/eli/reg/2024/1689/oj";

/// Every clause.
pub(super) const TABLE: &[Clause] = &[
    Clause {
        id: "sec_17a-4_a",
        citation: "SEC 17 CFR 240.17a-4(a)",
        asks: "some records of a broker-dealer are preserved for six years or more",
        source: SEC,
        demand: Demand::For(SIX_YEARS),
    },
    Clause {
        id: "sec_17a-4_b",
        citation: "SEC 17 CFR 240.17a-4(b)",
        asks: "other records of a broker-dealer are preserved for three years or more",
        source: SEC,
        demand: Demand::For(THREE_YEARS),
    },
    Clause {
        id: "sec_17a-4_f_2_i_a",
        citation: "SEC 17 CFR 240.17a-4(f)(2)(i)(A)",
        asks: "the audit-trail alternative to (B): a complete time-stamped trail of every change and \
               deletion, of its date and time, of the individual, and of what it takes to re-create the \
               original",
        source: SEC,
        demand: Demand::Beyond(
            "a store keeps versions and their dates, not the individual behind a change; whoever \
             chooses (B) needs no (A)",
        ),
    },
    Clause {
        id: "sec_17a-4_f_2_i_b",
        citation: "SEC 17 CFR 240.17a-4(f)(2)(i)(B)",
        asks: "records are preserved exclusively in a form that can be neither rewritten nor erased",
        source: SEC,
        demand: Demand::Unerasable,
    },
    Clause {
        id: "sec_17a-4_f_2_ii",
        citation: "SEC 17 CFR 240.17a-4(f)(2)(ii)",
        asks: "the system verifies by itself that storing and retaining is complete and accurate",
        source: SEC,
        demand: Demand::Beyond(
            "each receipt says how its bytes were verified, and `evidence audit --read-data` does it \
             again; no setting shows it",
        ),
    },
    Clause {
        id: "sec_17a-4_f_2_iii",
        citation: "SEC 17 CFR 240.17a-4(f)(2)(iii)",
        asks: "where it applies, units of storage media are serialized, and what is on them is dated \
               for the time of retention",
        source: SEC,
        demand: Demand::Beyond(
            "an object store shows no units of media; each receipt has the version's id and date",
        ),
    },
    Clause {
        id: "sec_17a-4_f_2_iv",
        citation: "SEC 17 CFR 240.17a-4(f)(2)(iv)",
        asks: "copies of a record, and what it takes to find it, are readily downloaded in a form that \
               people read and in one that machines do",
        source: SEC,
        demand: Demand::Beyond(
            "`evidence pull` and `evidence prove` give copies; which forms the content has is the \
             producer's",
        ),
    },
    Clause {
        id: "sec_17a-4_f_2_v",
        citation: "SEC 17 CFR 240.17a-4(f)(2)(v)",
        asks: "a backup system, or another redundancy, gives access when the first system does not",
        source: SEC,
        demand: Demand::Beyond("one store was looked at: what stands in for it was not"),
    },
    Clause {
        id: "sec_17a-4_f_3_iii",
        citation: "SEC 17 CFR 240.17a-4(f)(3)(iii)",
        asks: "a system under (B) accounts for the input of records and of every change, and keeps the \
               results as long as the records",
        source: SEC,
        demand: Demand::Beyond(
            "every push, extension, hold and release is on record beside the evidence; who did it is \
             there only where it was said (`--by`)",
        ),
    },
    Clause {
        id: "sec_17a-4_f_3_v",
        citation: "SEC 17 CFR 240.17a-4(f)(3)(v)",
        asks: "a designated executive officer or a designated third party (D3P) has filed an \
               undertaking to give access to the records",
        source: SEC,
        demand: Demand::Beyond("an undertaking that is filed with an authority is in no store"),
    },
    Clause {
        id: "sec_17a-4_i",
        citation: "SEC 17 CFR 240.17a-4(i)",
        asks: "where an outside entity keeps the records, an undertaking about that is filed",
        source: SEC,
        demand: Demand::Beyond("an undertaking that is filed with an authority is in no store"),
    },
    Clause {
        id: "finra_4511_b",
        citation: "FINRA Rule 4511(b)",
        asks: "records for which no period is named are preserved for six years or more",
        source: FINRA,
        demand: Demand::For(SIX_YEARS),
    },
    Clause {
        id: "finra_4511_c",
        citation: "FINRA Rule 4511(c)",
        asks: "records are preserved in the format and media of SEA Rule 17a-4",
        source: FINRA,
        demand: Demand::Unerasable,
    },
    Clause {
        id: "cftc_1.31_b_1",
        citation: "CFTC 17 CFR 1.31(b)(1)",
        asks: "records of a swap are kept to the end of the transaction and for five years or more",
        source: CFTC,
        demand: Demand::Beyond(
            "the end of the transaction is not known to a store; a legal hold keeps until then",
        ),
    },
    Clause {
        id: "cftc_1.31_b_3",
        citation: "CFTC 17 CFR 1.31(b)(3)",
        asks: "other regulatory records are kept for five years or more from their creation",
        source: CFTC,
        demand: Demand::For(FIVE_YEARS),
    },
    Clause {
        id: "cftc_1.31_b_4",
        citation: "CFTC 17 CFR 1.31(b)(4)",
        asks: "electronic records are readily accessible for as long as they are to be kept",
        source: CFTC,
        demand: Demand::AtHand,
    },
    Clause {
        id: "cftc_1.31_c_1",
        citation: "CFTC 17 CFR 1.31(c)(1), (c)(2)(i)",
        asks: "systems and controls ensure that electronic records are authentic and reliable",
        source: CFTC,
        demand: Demand::Beyond(
            "a principle that settings serve and do not show; digests, signatures and `evidence audit` \
             serve it too",
        ),
    },
    Clause {
        id: "cftc_1.31_c_2_ii",
        citation: "CFTC 17 CFR 1.31(c)(2)(ii)",
        asks: "records can be produced in an emergency or a disruption of the system too",
        source: CFTC,
        demand: Demand::Beyond("one store was looked at: what stands in for it was not"),
    },
    Clause {
        id: "cftc_1.31_c_2_iii",
        citation: "CFTC 17 CFR 1.31(c)(2)(iii)",
        asks: "an up-to-date inventory describes each system that records are reached through",
        source: CFTC,
        demand: Demand::Beyond("an inventory of systems is in no store"),
    },
    Clause {
        id: "eu_ai_act_19_1",
        citation: "EU AI Act (Regulation (EU) 2024/1689) Art. 19(1)",
        asks: "providers of high-risk AI systems keep the logs that these generate by themselves, as far \
               as they control them, for as long as the purpose takes, and at least six months, unless \
               other law says otherwise",
        source: AI_ACT,
        demand: Demand::For(SIX_MONTHS),
    },
    Clause {
        id: "eu_ai_act_26_6",
        citation: "EU AI Act (Regulation (EU) 2024/1689) Art. 26(6)",
        asks: "deployers of high-risk AI systems keep the logs that these generate by themselves, as far \
               as they control them, for as long as the purpose takes, and at least six months, unless \
               other law says otherwise",
        source: AI_ACT,
        demand: Demand::For(SIX_MONTHS),
    },
];
