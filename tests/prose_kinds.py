"""Texts of many kinds, written for the tests, with what goes wrong in such texts."""

TEXTS = {
    "news": """Flood warning as river bursts its banks
By our own correspondent, Tuesday 14 March
The Severn burst its banks on Monday night, forcing 1,200 people from their homes in three villages. The Environment
Agency said that 40 mm of rain
had fallen within six hours. "We have never seen anything like it," said Margaret Holloway, who runs the village
shop. "The water came up in ten minutes."
Prime Minister Alan Webb will visit the area on Thursday. The 62-year-old promised £20 million for flood defences
last year, but critics say that a third of the money has not been spent.
The A417 was closed for eleven hours. A spokeswoman for the fire service said 85 firefighters had worked through the
night. The first residents may return by the weekend, she added.
An inquiry into the flood defences, led by the former judge Sir Peter Lamb, will report in the autumn. In 2007, a
flood killed 13 people and caused damage of $4.5bn across the region. The 2007 flood was the worst in 60 years.
The opposition called the government's response "too little, too late". Insurance companies expect claims of up to
300 million pounds. Flood insurance has become expensive for many homeowners.""",
    "novel": """Chapter One
It was the last evening of the summer, and the old man sat on the porch with his hat over his eyes. He had not
spoken for an hour. The dog lay at his feet and dreamed of rabbits. Somewhere behind the barn a door was banging,
and nobody got up to shut it.
"You'll go, then," said his daughter at last. She had been standing in the doorway for a long while, wiping her
hands on her apron. "You'll go, whatever I say."
"I said I would." He pushed the hat back. "I told your mother that I'd go, the year she died, and I haven't gone
yet. A man ought to do one thing that he has said."
The lighthouse had been empty since the war. They could see it from the kitchen window on a clear day, a white
finger at the end of the long grey spit. The keeper's cottage had lost its roof. He had been born there, in the room
above the oil store, on a night when three ships went down.
She did not answer. A little wind came up from the sea, and the first drops fell on the steps.""",
    "minutes": """Minutes of the Parish Council meeting held on 3 October 2024 at 7.30 pm in the Village Hall
Present: Cllr J. Barker (Chair), Cllr S. Patel, Cllr M. Dunn, the Clerk and 4 members of the public
Apologies: Cllr R. Stone
1. Minutes of the last meeting were approved and signed.
2. Matters arising: The Clerk reported that the bus shelter had been repaired at a cost of £340.
3. Planning applications
3.1 24/01187/FUL: Two-storey side extension at 12 Mill Lane. No objection.
3.2 24/01203/OUT: Outline application for 25 dwellings, land north of Church Road. The Council resolved to object on
the grounds of drainage and traffic.
4. Finance: The following payments were approved: street lighting £212.50, grass cutting £180.00, clerk's salary
£640.12. The bank balance stood at £14,322.08.
5. Footpaths: Cllr Dunn would walk Footpath 7 and report on the broken stile. The County Council had been asked to
clear the ditch.
6. Speed watch: 3 sessions had been held; 41 vehicles exceeded 35 mph. Volunteers for speed watch were needed.
7. Date of next meeting: 7 November 2024
ACTION: Clerk to write to the planning officer about drainage.
The meeting closed at 9.05 pm.""",
    "table": """Table 3: Wheat production by region, thousand tonnes
Region 2019 2020 2021 2022 2023
North 1,204.5 1,190.2 1,310.0 1,288.4 1,402.9
South 880.1 901.7 867.3 910.0 944.6
East 2,310.6 2,255.0 2,480.9 2,399.1 2,510.4
West 640.0 655.5 612.8 690.3 701.2
Total 5,035.2 5,002.4 5,271.0 5,287.8 5,559.1
Source: National Statistics Office, Agricultural Survey
Note: figures for 2023 are provisional. Yields per hectare rose in all regions.
Barley 12 45 67 8.9
Oats 3.4 5.6 7.8
Winter wheat area (ha) 45,000 46,200
Spring wheat area (ha) 12,100 11,800""",
    "invoice": """INVOICE No. 2024-0917
Date: 12/09/2024   Due date: 12/10/2024
Bill to: Northwind Traders Ltd, 45 Harbour Street, Bristol BS1 4QA
Qty Description Unit price Amount
2 Office chair, mesh back, black 129.00 258.00
1 Standing desk 160x80 cm 449.00 449.00
10 A4 copy paper 80 g (500 sheets) 4.20 42.00
1st class delivery 15.00
Subtotal 764.00
VAT 20% 152.80
Total due GBP 916.80
Payment within 30 days to IBAN GB29 NWBK 6016 1331 9268 19. Late payment interest of 8% applies.
Thank you for your business.""",
    "recipe": """Lentil Soup with Lemon
Serves 4. Preparation 15 minutes, cooking 35 minutes.
250 g red lentils
1 large onion, finely chopped
2 cloves of garlic
1 tsp ground cumin
1/2 tsp chilli flakes
1.2 litres vegetable stock
The juice of 1 lemon
3 tbsp olive oil
Salt and black pepper
Heat the olive oil in a heavy pan and soften the onion for 8 minutes. Add the garlic and the cumin and stir for one
minute. Rinse the red lentils under cold water until the water runs clear, add them to the pan with the vegetable
stock, bring to the boil, then simmer for 25 minutes until the lentils are soft.
Blend half of the soup with a hand blender, pour it back, and season with lemon juice, salt and black pepper. Serve
with chilli flakes and warm flatbread. The soup keeps for 3 days in the fridge. You can freeze it for up to 2
months.""",
    "legal": """RESIDENTIAL TENANCY AGREEMENT
THIS AGREEMENT is made on the 1st day of June 2024 BETWEEN (1) Harriet Bloom ("the Landlord") and (2) Tomasz Nowak
("the Tenant").
1. The Landlord lets and the Tenant takes the Property known as Flat 2, 17 Quay Street for a term of twelve months
at a rent of £950 per calendar month, payable in advance on the first day of each month.
2. The Tenant shall pay a deposit of £1,095, which shall be held in a tenancy deposit scheme. The deposit shall be
returned within ten days of the end of the tenancy, less any deductions for damage.
3. The Tenant agrees: (a) to pay the rent; (b) not to assign or sublet the Property; (c) to keep the interior of the
Property in good repair; (d) to permit the Landlord to enter upon 24 hours' written notice.
4. The Landlord shall keep in repair the structure and exterior of the Property and the installations for the supply
of water, gas and electricity.
5. Either party may terminate this Agreement by giving two months' notice in writing. If the rent is unpaid for
fourteen days, the Landlord may re-enter the Property, subject to a court order for possession.
6. This Agreement is governed by the laws of England and Wales.""",
    "curriculum vitae": """Curriculum Vitae
Dr Amara Osei
14 Linden Avenue, Leeds LS6 2AB | +44 7700 900123 | amara@mail.example
PROFILE
Structural engineer with 12 years' experience in bridge design and earthquake engineering. Chartered member of the
Institution of Civil Engineers.
EXPERIENCE
2018-present Senior Structural Engineer, Halden & Partners, Leeds
- Led a team of 6 engineers on the seismic retrofit of 14 highway bridges (GBP 32m)
- Introduced finite element modelling with ABAQUS and OpenSees
- Mentored 3 graduate engineers
2012-2018 Engineer, Crossrail Ltd, London
- Tunnel lining design for 2 stations
- Monitored ground settlement during tunnelling
EDUCATION
2008-2012 PhD Earthquake Engineering, University of Leeds. Thesis: Base isolation of masonry buildings
2007 MSc Structural Engineering, 2006 BSc Civil Engineering (First Class)
SKILLS
AutoCAD, Python, MATLAB, project management. Languages: English, Twi, French (B2)
REFERENCES available on request""",
    "code": """README for fastqueue 0.3.1
fastqueue is a small job queue for Python programs. It keeps jobs in SQLite, so that no server is needed.
Installation:
    pip install fastqueue
Usage:
    from fastqueue import Queue
    q = Queue("jobs.db", max_retries=3)
    @q.task
    def send_mail(to: str, body: str) -> None:
        smtp = connect(host="localhost", port=25)
        for i in range(10):
            if i % 2 == 0:
                smtp.send(to, body)
    send_mail.delay("a@example.org", "hi")
The worker process polls the database every 100 ms. A job that raises an exception is retried with exponential
backoff. Jobs have priorities from 0 to 9.
def test_retry(): assert q.count() == 0
The job queue locks rows with BEGIN IMMEDIATE; write-ahead logging must be enabled. See issue #42 for the dead
letter queue. License: MIT.""",
    "letter": """Dear Ms Whitfield,
Thank you for your letter of the 5th of May concerning your pension forecast. I am sorry that you have waited three
weeks for an answer.
Your National Insurance record shows 31 qualifying years. You need 35 qualifying years for the full state pension,
so at present you would receive about £180 a week from the age of 67. You may pay voluntary contributions for the
years 2016 to 2018. The cost would be £824.20 for each year.
If you decide to pay, please write to us by 31 July. You can also ask your former employer whether a workplace
pension was paid for you. A financial adviser can help you to decide.
Yours sincerely,
G. Harrow
Pensions Department""",
    "slides": """Q3 Results
Agenda
1. Market overview
2. Financial highlights
3. Outlook 2025
Market overview
• Electric bikes: +14%
• Cargo bikes: +31%
• City bikes: -3%
Financial highlights
• Revenue EUR 41.2m (+9%)
• Gross margin 38.4%
• Net debt EUR 5.1m
• 3rd quarter in a row with growth
Outlook 2025
• New assembly plant in Porto
• Battery supplier contract signed
• Two new markets: Norway, Chile
Thank you! Questions?""",
    "manual": """Safety instructions for the TX-400 chainsaw
WARNING: Read this manual before you use the chainsaw.
Always wear a helmet with a visor, ear protection, cut-resistant trousers and gloves. Never work alone. Never use
the chainsaw above shoulder height.
Kickback can happen when the tip of the guide bar touches an object. The chain brake stops the chain within 0.12
seconds. Test the chain brake before each use: push the hand guard forward with the engine running.
Fuel: mix petrol and two-stroke oil at a ratio of 50:1. Do not smoke while you refuel. Wipe up spilled fuel.
Sharpening: use a 4.8 mm round file. File each cutter at an angle of 30 degrees. Chain tension: the chain must be
tight against the guide bar but still move by hand.
Maintenance every 10 hours: clean the air filter, check the spark plug, grease the sprocket.
Keep the manual for later use. Spare parts: guide bar 16", chain 3/8", air filter 4203-17.""",
    "medical": """Patient information: Your knee replacement
What is a knee replacement? A surgeon replaces the worn surfaces of the knee joint with metal and plastic. The
operation takes about 90 minutes, under a spinal anaesthetic or a general anaesthetic.
Before the operation: stop taking blood thinners 5 days before surgery unless your doctor tells you otherwise. Do
not eat for six hours before. Bring a list of your medicines.
After the operation: a physiotherapist will help you to stand on the first day. Most patients go home after 3 to 5
days. You will use crutches for about six weeks. Pain relief will be given regularly.
Risks: infection (1 in 100), blood clots (2%), stiffness. Call us at once if the wound is red or if your calf is
swollen: this may be a deep vein thrombosis.
The new knee joint lasts at least 15 years in 90% of patients.""",
    "cut words": """The muni-
cipality has decided to re-
place the street light-
ing in the old town. Street lighting uses a third of the muni-
cipality's electricity. The new lumin-
aires are LED lamps with motion sen-
sors. An engi-
neer from the energy agen-
cy estimated a payback of 7 years. Motion sensors dim the lumi-
naires after mid-
night.""",
    "capitals": """ANNUAL GENERAL MEETING
NOTICE IS HEREBY GIVEN THAT THE 12TH ANNUAL GENERAL MEETING OF BRIGHT SOLAR COOPERATIVE LIMITED WILL BE HELD ON THE
4TH OF MAY.
THE MEMBERS WILL VOTE ON THE ANNUAL ACCOUNTS AND THE APPOINTMENT OF AUDITORS. A VEGETARIAN LUNCH IS PROVIDED. SOLAR
PANELS ON THE TOWN HALL ROOF WILL BE SHOWN TO MEMBERS.""",
    "sport": """Rovers win at last
Rovers beat City 3-1 on Saturday to end a run of nine games without a win. Striker Jamal Okoro scored twice in the
first half, in the 12th and 38th minutes. City pulled one back after the break through a penalty, but a late header
from captain Tom Price settled it.
"The lads were brilliant," said manager Ellen Marsh. "It's been a tough couple of months." Rovers climb to 17th in
the table, two points above the relegation zone. City, who had two players sent off, are 5th. Next week Rovers
travel to leaders United, the 2019 champions.""",
    "speech": """\
My friends, thirty years ago a small group of people stood on this very spot with nothing but a tent and an
idea.
They wanted to build a library that everyone could use. Nobody believed them. Today 400,000 readers come through
these doors every year. I want to thank the volunteers, the teachers, the cleaners and, above all, the librarians.
We must not close the reading room. We cannot let the children's corner go. A town without a library is a town
without a memory. So let us sign the petition, let us go to the town hall tomorrow, and let us say it together.""",
    "report": """\
The three-year study of two-storey timber houses was led by a one-woman company. A-level students and an
18-strong team measured 4 houses on the 1st and the 15th of each month. Two-thirds of the houses lost 3.5% of their
heat through the roof.
Roof insulation costs €1,200 a house. Half-timbered houses need less roof insulation. Timber houses need
ventilation, and
5-axis milling makes their frames. 3D models of the frames and 4G sensors in the timber were used. Timber frames
last. Sensors fail.""",
}
