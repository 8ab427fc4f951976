"""Forms, tables and other texts without much prose, written for the tests."""

SHEETS = {
    "grant form": """Application for a travel grant
Name of the applicant Yolanda Brightwater
Institution Centre for River Studies
Keywords sediment transport, gravel beds, flood plains
Period 12 March, 18 months
Amount requested 36,500
Two referees have been named. Gravel beds move when the river is high, and sediment transport is measured by three
acoustic sensors. The 2 sensors at the weir lift sand samples every ten minutes.""",
    "water table": """Results of the spring survey
Site Nitrate mg/l Hardness mmol/l Conductivity \u00b5S/cm pH
Upper weir 31.6 3.47 410 6.5
Mill pond 24.6 3.76 388 6.8
Old harbour 31.9 2.28 512 7.5
Below the bridge 8.2 1.04 290 7.1
Nitrate was highest at the old harbour. The mill pond had hard water; its pH of 6.8 is normal. 40 km of shore were
walked, and 2 TB of pictures were kept.""",
    "price list": """Price list 2025, valid from 1 May
Article Size Colour Price EUR
Rain jacket M green 89.00
Rain jacket L green 89.00
Hiking boots 42 brown 139.50
Hiking boots 44 brown 139.50
Sleeping bag 2.1 kg blue 119.00
Gas stove 350 g red 45.90
3-season tent 3.4 kg sand 299.00
Delivery takes three days. One free map comes with each tent. Hiking boots can be returned within 30 days.""",
    "timetable": """Ferry timetable, winter season
Harbour Departs Arrives Fare
Storvik 06:40 07:25 64
Nesodden 08:10 08:55 64
Langholm 12:30 13:40 82
The ferry carries 40 cars. In a storm above 20 m/s all crossings are cancelled. First departure on Sundays is at 9 am.
A second ferry sails from June to August; bicycles travel free. Ferry tickets are sold on board.""",
    "laboratory report": """Laboratory report
Patient Jonas Feld
Date of birth 3 February 1961
Sample Venous blood
Haemoglobin 14.2 g/dl
Leukocytes 6.1 /nl
Ferritin 48 \u00b5g/l
Creatinine 88 \u00b5mol/l
Vitamin D 19 ng/ml
Comment Vitamin D deficiency is likely. Ferritin is at the lower end. Repeat the blood count after eight weeks. 1000
units of vitamin D a day are advised.""",
    "order form": """Order form
Customer Willow Bakery
Phone 0113 496 0000
Delivery address 8 Station Road
Wheat flour 25 kg 4 bags
Rye flour 25 kg 2 bags
Fresh yeast 500 g 12 cubes
Sea salt 1 kg 6 boxes
Please leave the wheat flour at the back door. Six boxes of sea salt were missing last time. The rye flour has to be
stone ground.""",
    "court decision": """IN THE COUNTY COURT
Case No. 7KX00412
Between Meridian Lettings Limited (Claimant) and Ms D. Ferrer (Defendant)
JUDGMENT
1. The Claimant seeks possession of a flat under a tenancy agreement dated 14 July 2021. Rent arrears stood at
\u00a33,240 on the day of the hearing.
2. The Defendant says that the boiler was out of order for eleven weeks, and counterclaims damages for disrepair.
3. An expert inspected the boiler. Two of the three valves had failed. Damp had spread to the bedroom wall.
4. I find that the Claimant was in breach of its repairing covenant. The rent arrears are reduced by 40%.
5. Possession is refused. The counterclaim succeeds in the sum of \u00a31,300. No order as to costs.""",
    "bread": """Seeded rye bread
Makes 1 loaf of 900 g
Preparation 20 minutes, proving 12 hours, baking 55 minutes
300 g rye flour
150 g strong white flour
2 tbsp pumpkin seeds
1 tbsp linseed
8 g salt
350 ml lukewarm water
100 g sourdough starter
Mix rye flour, white flour, pumpkin seeds, linseed and salt. Stir the sourdough starter into the water and pour it
over. Knead for five minutes. Let the dough prove overnight. Bake at 230 \u00b0C for ten minutes, then at 200 \u00b0C.
A crust forms, steam escapes, and the sourdough gives the bread its taste.""",
    "school board": """School board, minutes of 9 September
Present: Ms Adeyemi, Mr Clarke, Dr Lund; absent: Mr Roy
1) School meals. The caterer raises prices by 6 per cent. Two offers will be asked for.
2) Roof. Rain gets into classroom 4b; the repair costs between 9 and 11 thousand pounds. First quotes are in.
3) Reading week. Forty parents want to read aloud. The library lends picture books.
4) School bus. The second bus is late three days a week. Parents complain. Dr Lund will write to the bus company.
5) A.o.b.: none. Next meeting: 7 October, 6 pm.""",
    "news in brief": """Ten hurt as tram leaves the rails
A tram left the rails near the opera house on Friday evening. Ten passengers were slightly hurt; one driver is still in
hospital. Police say the points were iced over. Three lines were interrupted for 14 hours.
The transport authority has ordered point heaters for all junctions. "One cold night costs us more than a hundred point
heaters," its director, Salma Khoury, said. The 34-year-old took office a year ago. Unions demand a second inspector
for every shift. Half of the trams are over 40 years old. The city council meets on the 21st.""",
    "resume": """Nora Petrescu
Address 21 Garden Street, Cardiff
Email nora@post.example
Nationality Romanian
Employment
2019-2024 Pastry chef, Hotel Bellweather
2016-2019 Junior baker, Crumb & Co
Training
2015 Diploma in patisserie, Westbury College
First prize, national sugar craft contest
Skills
Chocolate tempering, wedding cakes, food hygiene level 3
English, Romanian, some Italian
Wedding cakes of up to six tiers; team of four. Sugar craft courses for beginners. Chocolate tempering by hand.""",
}
