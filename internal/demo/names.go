// SPDX-License-Identifier: Apache-2.0

package demo

// A name is how somebody writes it, and what is left of it in a user name. The
// second stands here by hand: the verdict must not ask the engine's own table.
type name struct{ written, slug string }

// origin is where names go together.
type origin struct {
	given, family []name
}

// origins are the pools that most people's names are drawn from.
func origins() []origin {
	return []origin{
		{
			given: []name{
				{"Ada", "ada"},
				{"Grace", "grace"},
				{"Oliver", "oliver"},
				{"Thomas", "thomas"},
				{"Amelia", "amelia"},
				{"Noah", "noah"},
				{"Mary-Jane", "mary-jane"},
				{"Isla", "isla"},
				{"Owen", "owen"},
				{"Freya", "freya"},
			},
			family: []name{
				{"Brandt", "brandt"},
				{"Hughes", "hughes"},
				{"O'Neill", "oneill"},
				{"Clarke", "clarke"},
				{"Smith-Jones", "smith-jones"},
				{"MacDonald", "macdonald"},
				{"Walker", "walker"},
				{"Fitzgerald", "fitzgerald"},
				{"Price", "price"},
				{"Young", "young"},
			},
		},
		{
			given: []name{
				{"Jürgen", "jurgen"},
				{"Käthe", "kathe"},
				{"Søren", "soren"},
				{"Åsa", "asa"},
				{"Björn", "bjorn"},
				{"Freyja", "freyja"},
				{"Lena", "lena"},
				{"Matthias", "matthias"},
			},
			family: []name{
				{"Weiß", "weiss"},
				{"Müller", "muller"},
				{"Kjærgård", "kjaergard"},
				{"Öberg", "oberg"},
				{"von der Heide", "vonderheide"},
				{"Þórsdóttir", "thorsdottir"},
				{"Becker", "becker"},
				{"Nygård", "nygard"},
			},
		},
		{
			given: []name{
				{"José", "jose"},
				{"Inés", "ines"},
				{"François", "francois"},
				{"Zoé", "zoe"},
				{"João", "joao"},
				{"Conceição", "conceicao"},
				{"María", "maria"},
				{"Théo", "theo"},
			},
			family: []name{
				{"García López", "garcialopez"},
				{"Núñez", "nunez"},
				{"D'Angelo", "dangelo"},
				{"de la Cruz", "delacruz"},
				{"Gonçalves", "goncalves"},
				{"Lefèvre", "lefevre"},
				{"Peña-Ruiz", "pena-ruiz"},
				{"dos Santos", "dossantos"},
			},
		},
		{
			given: []name{
				{"Łukasz", "lukasz"},
				{"Agnieszka", "agnieszka"},
				{"Jiří", "jiri"},
				{"Željka", "zeljka"},
				{"Đorđe", "dorde"},
				{"Ștefan", "stefan"},
				{"Zsófia", "zsofia"},
				{"Šárka", "sarka"},
			},
			family: []name{
				{"Wójcik", "wojcik"},
				{"Dvořák", "dvorak"},
				{"Nagy", "nagy"},
				{"Kovačević", "kovacevic"},
				{"Żółkiewski", "zolkiewski"},
				{"Țepeș", "tepes"},
				{"Horváth", "horvath"},
				{"Němcová", "nemcova"},
			},
		},
		{
			given: []name{
				{"Наталья", "natalia"}, {"Дмитрий", "dmitrii"}, {"Ольга", "olga"}, {"Тарас", "taras"}, {"Αλέξης", "alexis"}, {"Ελένη", "eleni"},
			},
			family: []name{
				{"Щербакова", "shcherbakova"}, {"Чехов", "chekhov"}, {"Шевченко", "shevchenko"}, {"Παππάς", "pappas"}, {"Νικολάου", "nikolaou"},
			},
		},
		{
			given: []name{
				{"Ayşe", "ayse"},
				{"Çağlar", "caglar"},
				{"Oğuz", "oguz"},
				{"Minh Khai", "minhkhai"},
				{"Thị Hồng", "thihong"},
				{"Đức", "duc"},
				{"Kwame", "kwame"},
				{"Ngozi", "ngozi"},
				{"Priya", "priya"},
				{"Arjun", "arjun"},
			},
			family: []name{
				{"Yılmaz", "yilmaz"},
				{"Şahin", "sahin"},
				{"Nguyễn", "nguyen"},
				{"Trần", "tran"},
				{"Okafor", "okafor"},
				{"Mensah", "mensah"},
				{"Iyer", "iyer"},
				{"Ng", "ng"},
			},
		},
		{ // scripts of which nothing is left in a user name
			given:  []name{{"小龙", ""}, {"陽子", ""}, {"지민", ""}, {"أحمد", ""}, {"נועה", ""}, {"पूजा", ""}},
			family: []name{{"李", ""}, {"田中", ""}, {"김", ""}, {"العلي", ""}, {"כהן", ""}, {"शर्मा", ""}},
		},
	}
}

// hardCases are the people whom every company of ours has: names that have
// broken somebody's system.
func hardCases() []Worker {
	one := func(given, family name) Worker {
		return Worker{Given: given.written, Family: family.written, givenSlug: given.slug, familySlug: family.slug}
	}
	return []Worker{
		one(name{"Zoë", "zoe"}, name{"O'Malley", "omalley"}),
		one(name{"Ada", "ada"}, name{"Brandt", "brandt"}),
		one(name{"Ada", "ada"}, name{"Brandt", "brandt"}), // an equal name
		one(name{"ADA", "ada"}, name{"Brandt", "brandt"}), // and one that is equal but for case
		one(name{"Cher", "cher"}, name{}),
		one(name{}, name{"Suharto", "suharto"}),
		one(name{"小龙", ""}, name{"李", ""}),
		one(name{"Jennifer", "jennifer"}, name{"Null", "null"}),
		one(name{"Rene\u0301e", "renee"}, name{"Nguyê\u0303n", "nguyen"}), // an accent of its own behind its letter
		one(name{"Robert", "robert"}, name{"Smith, Jr.", "smithjr"}),
		one(name{`Anna "Nana"`, "annanana"}, name{"Ó Briain", "obriain"}),
		one(name{"Hubert", "hubert"}, name{"Wolfeschlegelsteinhausenbergerdorff", "wolfeschlegelsteinhausenbergerdorff"}),
	}
}

// departments with the titles that people have there, and how many of a hundred
// people work there.
func departments() []department {
	return []department{
		{"Engineering", 26, []string{"Software Engineer", "Senior Engineer", "Site Reliability Engineer", "Test Engineer"}},
		{"Sales", 18, []string{"Account Executive", "Sales Engineer", "Regional Manager"}},
		{"Customer Care", 16, []string{"Care Agent", "Team Lead, Care"}},
		{"Production", 14, []string{"Technician", "Shift Lead"}},
		{"Finance", 9, []string{"Accountant", "Controller"}},
		{"Research & Development", 8, []string{"Scientist", "Laboratory Assistant"}},
		{"People", 5, []string{"HR Partner", `Head of "People"`}},
		{"Büro Zürich", 4, []string{"Office Manager", "Assistentin"}},
	}
}

type department struct {
	name   string
	share  int
	titles []string
}
