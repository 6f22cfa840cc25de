"""A short agency report of our own making, for the tests of fingerprints and near-copies."""

PARAGRAPHS = (
    "The defence ministry said on Tuesday it would send two more air defence batteries to the northern border "
    "after a week of drone attacks on power stations there.",
    "Minister Ana Kovar told reporters in the capital that the batteries would be in place by the end of the "
    "month and would stay until spring. The decision followed a night in which 14 drones crossed the frontier and "
    "three of them struck a substation near the town of Veles, leaving 40,000 homes without power.",
    "Repair crews restored most of the lines by noon, the grid operator said, but warned of further cuts while "
    "transformers are replaced. No one was hurt. The neighbouring government denied that the drones had been "
    "launched from its soil and called for a joint inquiry.",
    "Parliament is due to vote on Thursday on a request for 120 million crowns to pay for the deployment. The "
    "main opposition party said it would support the request but asked why the batteries had been kept in storage "
    "since the autumn.",
    "The two countries have disputed the valley since a ceasefire ended the fighting there six years ago. Talks "
    "on marking the line broke off in March, and observers have counted more than 200 violations since then.",
)
REPORT = "\n\n".join(PARAGRAPHS)
