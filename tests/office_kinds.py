"""Texts of offices, clubs and screens, made up: what people send each other."""

OFFICE = {
    "e-mail": """\
From: Sara Lind <sara.lind@example.com>
To: team-logistics@example.com
Cc: Peter Vance
Date: Thu, 9 Nov 2023 08:14:02 +0100
Subject: Re: Re: FW: Delay of container MSKU 447 211-3

Hi all,

as discussed yesterday, the container is still in Rotterdam. Customs want the original bill of lading; the
copy we sent isn't enough. Could you please check with the freight forwarder if the courier has picked it up?

@Peter: the demurrage is 120 EUR/day from tomorrow, so it's urgent.

Best regards,
Sara

-----Original Message-----
From: Peter Vance
Sent: Wednesday, November 8, 2023 5:02 PM
> The vessel arrived on the 6th. They'll unload tomorrow.
> Can we sell the pallets to the discounter in Ghent? The
> shelf life is only 90 days.
""",
    "chat": """\
[10:02] mike: hey, u there?
[10:02] jess: yep whats up
[10:03] mike: prod is down again lol. the payment service keeps restarting
[10:03] jess: ugh. did u check the memory limits??
[10:04] mike: yeah 512mb, gets OOM killed every 5 min
[10:05] jess: ok bump it to 1gb & restart, i'll look at the heap dump
[10:11] mike: thx!! works now 👍
[10:12] jess: np. prob the image cache, we shouldn't keep it all in memory
""",
    "contents": """\
Contents
Preface ........................................ vii
1 Introduction ................................... 1
1.1 Motivation ................................... 3
1.2 Outline of the thesis ........................ 7
2 Fluid mechanics of porous media ............... 11
2.1 Darcy's law .................................. 12
2.2 Two-phase flow ............................... 19
3 Numerical methods ............................. 31
3.1 Finite volume schemes ........................ 33
3.2 Adaptive mesh refinement ..................... 48
4 Case study: Groundwater remediation ........... 71
Bibliography ................................... 103
Index .......................................... 111
""",
    "menu": """\
LUNCH MENU
Starters
Tomato & basil soup (v) 5.50
Smoked salmon, dill crème fraîche 8.90
Mains
8 oz sirloin steak, triple-cooked chips 19.50
Wild mushroom risotto (vg) 13.00
Fish & chips, mushy peas 14.00
Desserts
Sticky toffee pudding 6.50
Cheese board for two 11.00
12.5% service is added for tables of 6+
""",
    "questions": """\
Q: How do I reset my password?
A: Click "Forgot password" on the login page. You'll receive an e-mail with a reset link, which is valid for
24 hours.
Q: Can I change my delivery address after I've ordered?
A: Yes, as long as your parcel hasn't been dispatched. Go to My Orders > Edit address.
Q: Why was my card declined?
A: Your bank may have blocked the payment. Please contact your bank.
""",
    "statement": """\
Account statement No. 7/2023 Page 1 of 2
01.07. Opening balance 2,412.88 CR
03.07. DIRECT DEBIT CITY POWER & LIGHT REF 88123 -84.20
05.07. CARD PAYMENT GREEN GROCER LONDON -23.17
07.07. SALARY ACME LTD +2,950.00
12.07. STANDING ORDER RENT FLAT 2B -1,150.00
31.07. Closing balance 4,105.51 CR
""",
    "patent": """\
What is claimed is:
1. A bicycle saddle comprising a shell (12), a cushion (14) disposed on an upper surface of said shell, and a
pair of rails (16a, 16b) extending longitudinally beneath said shell, wherein said rails are made of carbon
fibre.
2. The bicycle saddle of claim 1, wherein said cushion comprises a gel insert.
3. The bicycle saddle as claimed in claim 2, wherein the gel insert has a thickness of between 5 mm and 12 mm.
""",
    "regulation": """\
Article 17
Right to erasure ('right to be forgotten')
1. The data subject shall have the right to obtain from the controller the erasure of personal data concerning
him or her without undue delay where one of the following grounds applies:
(a) the personal data are no longer necessary in relation to the purposes for which they were collected;
(b) the data subject withdraws consent on which the processing is based according to point (a) of Article 6(1);
(c) the personal data have been unlawfully processed;
""",
    "lecture": """\
Okay, so today we're gonna talk about, um, the French Revolution, right? And you know, people always ask me,
well, why did it start? It's complicated. There was bread, there was debt, there was the king. I mean, the
price of bread doubled in 1788. So what happened next? They stormed the Bastille, obviously. Let's look at the
Estates General first, and then we'll do the Terror next week.
""",
    "match": """\
Underdogs stun champions 3-2 in extra time
It was the 94th minute when substitute Luca Moretti headed home. The visitors, 20 points behind in the table,
had never won here. Coach Elena Sand said her team "didn't stop believing". The champions lost captain Dale
Hughes to a knee injury in the 12th minute and he won't play again this season. A second-half penalty, awarded
after a video review, had levelled the score at 2-2. The referee showed six yellow cards and one red. Next
week they travel to Porto for the first leg of the quarter-final.
""",
    "results of a year": """\
Chipmaker shares fall 8% as it cuts forecast
Shares in the chipmaker fell 8.2% on Tuesday after it cut its full-year revenue forecast to $4.1bn from
$4.6bn, blaming weak demand for smartphones in China. Chief executive Maria Ortiz said inventories would
normalise by the third quarter. Analysts at two banks lowered their price targets. The company plans to cut
1,200 jobs, about 6% of its workforce, and delay a factory in Dresden. Rival firms also fell: the sector index
lost 2.3%. The euro was flat at $1.08 and ten-year bond yields rose four basis points.
""",
    "club": """\
MINUTES OF THE COMMITTEE MEETING
Riverside Rowing Club, 4 October 2023, 7.30 pm
Present: J. Adams (chair), P. Singh, L. O'Connor, M. Weber (minutes)
Apologies: R. Das
1. Minutes of the last meeting were approved.
2. Matters arising. The boathouse roof has been repaired (cost £2,340). LO'C to send the invoice to the insurer.
3. Treasurer's report. Balance £14,220.17. 87 members have paid; 12 have not. Reminders go out next week.
4. Autumn regatta. PS reported that the council has given permission for parking on the meadow. Volunteers are
needed for the safety launch. Action: MW to e-mail all members by 10 October.
5. New boats. It was agreed to buy a second-hand coxed four for no more than £6,000.
6. AOB. None.
Next meeting: 1 November, 7.30 pm.
""",
    "washing machine": """\
4. Operating the washing machine
WARNING! Risk of electric shock. Unplug the appliance before cleaning.
4.1 Loading the drum
Open the door. Place the laundry loosely in the drum. Do not exceed the maximum load (8 kg cotton, 3 kg synthetics).
4.2 Detergent drawer
Compartment I: pre-wash. Compartment II: main wash. Compartment *: fabric softener.
4.3 Selecting a programme
Turn the programme selector. Press TEMP to change the temperature and SPIN to change the spin speed (400-1400 rpm).
If error code E18 appears, clean the drain pump filter: see section 7.3. If error code F21 appears, call
customer service.
""",
    "two columns": """\
The harbour authority     Fishing quotas were cut
has approved plans to     again by ministers in
build a new terminal      Brussels on Friday. Cod
for container ships.      and herring stocks have
Dredging will begin in    not recovered, scientists
spring, and the quay      say. The fishing fleet
wall will be 900 m        expects heavy losses.
long.                     Ports fear for jobs.
""",
    "markdown": """\
# Getting started with **Pelican** :rocket:

[![build](https://ci.example.org/badge.svg)](https://ci.example.org) ![coverage](cov.png)

Pelican is a *static site generator* written in [Python](https://python.org).

## Features
- [x] Markdown & reStructuredText
- [ ] Live reload
1. Install with `pip install pelican`
2. Run `pelican-quickstart --path ./site`

| Option | Default | Meaning |
|--------|---------|---------|
| `SITEURL` | `''` | base URL of the site |
| `THEME` | `simple` | name of the theme |

> **Note**: drafts aren't published.

```bash
export PELICAN_DEBUG=1 && make html
```
""",
    "bill": """\
Brightline Electrical Ltd
14 Mill Lane, Leeds LS1 4AB
VAT No. GB 123 4567 89

INVOICE 2023/0471                      Date: 11.05.2023
Customer No. 8812                      Due: 10.06.2023

Pos  Description                        Qty   Unit price    Total
1    LED floodlight 50 W                 4       38.50      154.00
2    Armoured cable 3 x 2.5 mm2, per m  65        3.20      208.00
3    Consumer unit, 12-way               1      142.00      142.00
4    Labour, qualified electrician      11 h     48.00      528.00
     Travel flat rate                    1       35.00       35.00

Net                                                       1,067.00
VAT 20 %                                                    213.40
Total                                                     1,280.40
Please pay within 30 days. Bank: HSBC, IBAN GB29 NWBK 6016 1331 9268 19
Thank you for your business!
""",
    "cut compounds": """\
The state-of-the-
art equip-
ment for non-
destructive test-
ing of high-
strength steel was de-
livered in Feb-
ruary. Ultra-
sonic inspection re-
veals cracks be-
low the sur-
face. Co-
operation with the X-
ray lab contin-
ues.
""",
    "press release": """\
FOR IMMEDIATE RELEASE
Helios Solar Appoints New Chief Financial Officer
AUSTIN, Texas -- Helios Solar Inc. (NASDAQ: HLSO), a leading manufacturer of rooftop solar panels, today
announced the appointment of Dana Whitmore as Chief Financial Officer, effective April 1. Ms. Whitmore brings
more than 20 years of experience in renewable energy finance. "Dana's track record speaks for itself," said
CEO Raj Patel.
About Helios Solar
Helios Solar was founded in 2009 and employs 2,300 people worldwide.
Contact: press@helios.example
""",
}
