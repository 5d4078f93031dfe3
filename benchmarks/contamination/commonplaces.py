"""What everybody quotes, in public domain or written after the usual form: evidence of nothing.

Items of the benchmark ``quotes`` quote a part of one of these and then ask; pages that hold the
whole of it are negatives.
"""

COMMONPLACES: dict[str, tuple[str, ...]] = {
    "famous text": (
        "Four score and seven years ago our fathers brought forth on this continent, a new nation, "
        "conceived in Liberty, and dedicated to the proposition that all men are created equal. "
        "Now we are engaged in a great civil war, testing whether that nation, or any nation so "
        "conceived and so dedicated, can long endure.",
        "We hold these truths to be self-evident, that all men are created equal, that they are "
        "endowed by their Creator with certain unalienable Rights, that among these are Life, "
        "Liberty and the pursuit of Happiness. That to secure these rights, Governments are "
        "instituted among Men, deriving their just powers from the consent of the governed.",
        "It is a truth universally acknowledged, that a single man in possession of a good "
        "fortune, must be in want of a wife. However little known the feelings or views of such a "
        "man may be on his first entering a neighbourhood, this truth is so well fixed in the "
        "minds of the surrounding families.",
        "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer the "
        "slings and arrows of outrageous fortune, or to take arms against a sea of troubles, and "
        "by opposing end them. To die, to sleep, no more; and by a sleep to say we end the "
        "heart-ache.",
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
        "age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was "
        "the season of Light, it was the season of Darkness, it was the spring of hope.",
        "In the beginning God created the heaven and the earth. And the earth was without form, "
        "and void; and darkness was upon the face of the deep. And the Spirit of God moved upon "
        "the face of the waters. And God said, Let there be light: and there was light.",
        "We the People of the United States, in Order to form a more perfect Union, establish "
        "Justice, insure domestic Tranquility, provide for the common defence, promote the general "
        "Welfare, and secure the Blessings of Liberty to ourselves and our Posterity, do ordain "
        "and establish this Constitution for the United States of America.",
    ),
    "legal formula": (
        "Congress shall make no law respecting an establishment of religion, or prohibiting the "
        "free exercise thereof; or abridging the freedom of speech, or of the press; or the right "
        "of the people peaceably to assemble, and to petition the Government for a redress of "
        "grievances.",
        "No State shall make or enforce any law which shall abridge the privileges or immunities "
        "of citizens of the United States; nor shall any State deprive any person of life, "
        "liberty, or property, without due process of law; nor deny to any person within its "
        "jurisdiction the equal protection of the laws.",
        "If any provision of this Agreement is held to be invalid or unenforceable, the remaining "
        "provisions shall continue in full force and effect, and the parties shall negotiate in "
        "good faith a substitute provision that most nearly reflects the intent of the original.",
        "This Agreement constitutes the entire agreement between the parties with respect to the "
        "subject matter hereof and supersedes all prior and contemporaneous agreements and "
        "understandings, whether written or oral, relating to such subject matter.",
        "In no event shall either party be liable to the other for any indirect, incidental, "
        "special or consequential damages, including loss of profits, even if such party has been "
        "advised of the possibility of such damages, whether in contract, tort or otherwise.",
        "The right of the people to be secure in their persons, houses, papers, and effects, "
        "against unreasonable searches and seizures, shall not be violated, and no Warrants shall "
        "issue, but upon probable cause, supported by Oath or affirmation.",
    ),
    "licence header": (
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this "
        'software and associated documentation files (the "Software"), to deal in the Software '
        "without restriction, including without limitation the rights to use, copy, modify, merge, "
        "publish, distribute, sublicense, and/or sell copies of the Software.",
        "Redistribution and use in source and binary forms, with or without modification, are "
        "permitted provided that the following conditions are met: Redistributions of source code "
        "must retain the above copyright notice, this list of conditions and the following "
        "disclaimer.",
        'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file '
        "except in compliance with the License. Unless required by applicable law or agreed to in "
        "writing, software distributed under the License is distributed on an AS IS BASIS, "
        "WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.",
        "This program is free software; you can redistribute it and/or modify it under the terms "
        "of the GNU General Public License as published by the Free Software Foundation; either "
        "version 2 of the License, or (at your option) any later version. This program is "
        "distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY.",
        "Permission to use, copy, modify, and/or distribute this software for any purpose with or "
        "without fee is hereby granted, provided that the above copyright notice and this "
        "permission notice appear in all copies. THE SOFTWARE IS PROVIDED AS IS AND THE AUTHOR "
        "DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE.",
    ),
    "API boilerplate": (
        "import argparse\nimport logging\n\nlogger = logging.getLogger(__name__)\n\n\ndef main():\n"
        "    parser = argparse.ArgumentParser(description=__doc__)\n"
        '    parser.add_argument("--verbose", action="store_true", help="increase output '
        'verbosity")\n    args = parser.parse_args()\n    logging.basicConfig(level=logging.DEBUG '
        "if args.verbose else logging.INFO)\n",
        "import unittest\n\n\nclass TestCase(unittest.TestCase):\n    def setUp(self):\n        "
        "self.maxDiff = None\n\n    def tearDown(self):\n        pass\n\n    def test_something"
        '(self):\n        self.assertEqual(True, False)\n\n\nif __name__ == "__main__":\n    '
        "unittest.main()\n",
        "from setuptools import setup, find_packages\n\nsetup(\n    name=NAME,\n    version=VERSION"
        ",\n    packages=find_packages(),\n    install_requires=requirements,\n    "
        'python_requires=">=3.8",\n    classifiers=["Programming Language :: Python :: 3", '
        '"License :: OSI Approved :: MIT License", "Operating System :: OS Independent"],\n)\n',
        "from flask import Flask, jsonify, request\n\napp = Flask(__name__)\n\n\n@app.route('/', "
        "methods=['GET', 'POST'])\ndef index():\n    data = request.get_json()\n    return "
        "jsonify(data), 200\n\n\nif __name__ == '__main__':\n    app.run(host='0.0.0.0', "
        "port=5000, debug=True)\n",
        "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\nfrom "
        "sklearn.model_selection import train_test_split\nfrom sklearn.metrics import "
        "accuracy_score\n\nX_train, X_test, y_train, y_test = train_test_split(X, y, "
        "test_size=0.2, random_state=42)\n",
    ),
    "textbook identity": (
        "The square of the hypotenuse of a right triangle is equal to the sum of the squares of "
        "the other two sides, so that if the legs have lengths a and b and the hypotenuse has "
        "length c, then a squared plus b squared equals c squared.",
        "The derivative of a product of two functions is the derivative of the first function "
        "times the second function plus the first function times the derivative of the second "
        "function, and the derivative of a composition is given by the chain rule.",
        "The solutions of the quadratic equation a x squared plus b x plus c equals zero are given "
        "by minus b plus or minus the square root of b squared minus four a c, all divided by two "
        "a, provided that a is not zero.",
        "A body at rest remains at rest, and a body in motion remains in motion at constant speed "
        "and in a straight line, unless acted upon by an unbalanced external force; the "
        "acceleration is proportional to the force and inversely proportional to the mass.",
        "The mitochondrion is an organelle in which most of the chemical energy of the cell is "
        "produced in the form of adenosine triphosphate by oxidative phosphorylation, in the inner "
        "membrane, from the energy of a gradient of protons.",
        "Let X and Y be independent random variables with finite variance; then the variance of "
        "their sum is the sum of their variances, and the expected value of their product is the "
        "product of their expected values.",
    ),
}
"""Texts by what they are."""
