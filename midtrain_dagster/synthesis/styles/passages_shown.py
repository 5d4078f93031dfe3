"""The passages of worked examples: short, each with numbers and names that can get lost."""

DANUBE = (
    "The Danube rises in the Black Forest of Germany and flows for 2,850 km before it empties "
    "into the Black Sea. It passes through ten countries, more than any other river in the "
    "world."
)
LIBRARY = (
    "so the library was shut on Monday, a pipe burst up on the second floor!! Staff had to "
    "move like 400 books over to the town hall & the reading room won't be open again until "
    "April."
)
CURIE = (
    "Marie Curie was born in Warsaw in 1867. In 1903 she shared the Nobel Prize in Physics "
    "with her husband Pierre and Henri Becquerel for their work on radioactivity."
)
BAKERY = (
    "The bakery in Church Street sells a loaf of bread for 3 euros. On Saturday it sold 40 loaves "
    "in the morning and 25 loaves in the afternoon."
)
BEANS = (
    "Dried beans should be soaked in cold water for 8 hours. They are then boiled for 10 minutes, "
    "since raw beans can make people ill, and cooked on a low heat for about 60 minutes until "
    "they are soft. Salt is added at the end."
)
