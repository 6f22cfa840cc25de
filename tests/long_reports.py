"""Two reports of our own making, long enough that a part of one is a page, which have nothing in common."""

FERRIES = (
    "Ferry crews on the western lakes walked out at dawn on Wednesday and left some nine thousand commuters to find "
    "another way across, in the largest stoppage there since the line was sold to a private owner eight years ago.",
    "The seamen's union said that talks about rest hours had ended without a date for the next round. Its secretary, "
    "Mira Halldor, told a crowd at the main pier that crews had slept less than five hours between shifts all summer, "
    "and that two of them had fainted at the wheel in August.",
    "The operator called the strike unlawful and asked a court to end it by the evening. It offered passengers their "
    "money back and hired forty coaches, which were stuck for most of the morning on the only road around the lake.",
    "A hospital on the far shore put off eleven operations because nurses could not reach it, its director said. Two "
    "schools sent pupils home after the first lesson, and the market closed for want of fresh fish.",
    "Analysts expect the owner to give way before the holidays, when the line earns a third of what it takes in a "
    "year. A similar dispute in the south ended last winter with a day off after every fourth night.",
)
HARVEST = (
    "Wheat growers in the plains have brought in their smallest harvest for two decades, the farm ministry reported on "
    "Monday, as a spring without rain was followed by hail that flattened fields in four provinces within one week.",
    "Agronomists put the yield at less than half of an average season. Prices at the exchange rose by a fifth in the "
    "hour after the figures came out, and bakers in several towns said bread would cost more from October on.",
    "Government silos hold enough grain until March, deputy minister Tomas Reval assured lawmakers, provided that no "
    "licences are given for exports. Traders complained that contracts signed in winter would have to be broken.",
    "Insurers have received sixty thousand claims, most of them from small holdings that had bought cover for frost "
    "and not for drought. A relief fund set up after the floods is empty, according to its auditors.",
    "Climate researchers at the coastal university warned that such springs would come every third year by the middle "
    "of the century, and advised planting sorghum, which needs a third of the water.",
)
